drop table api_requests;
