"""Ad-hoc conditions and relations over tables, built with pypika."""
