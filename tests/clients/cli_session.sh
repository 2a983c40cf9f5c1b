#!/bin/sh
# A session with AWS CLI v1: a pipeline, a job, their steps and logs, S3, pages, an error. $1 is the role. Says what it found.
set -eu
export AWS_PAGER=
aws sagemaker create-pipeline --pipeline-name Cli --pipeline-definition file://definition.json --role-arn "$1" --output text
arn=$(aws sagemaker start-pipeline-execution --pipeline-name Cli --pipeline-parameters Name=Word,Value=spoken \
    --query PipelineExecutionArn --output text)
status=Executing
while [ "$status" = Executing ]; do
    sleep 1
    status=$(aws sagemaker describe-pipeline-execution --pipeline-execution-arn "$arn" --query PipelineExecutionStatus --output text)
done
echo "execution: $status"
job=$(aws sagemaker list-pipeline-execution-steps --pipeline-execution-arn "$arn" \
    --query 'PipelineExecutionSteps[0].Metadata.ProcessingJob.Arn' --output text)
job=${job##*/}
aws sagemaker wait processing-job-completed-or-stopped --processing-job-name "$job"
stream=$(aws logs describe-log-streams --log-group-name /aws/sagemaker/ProcessingJobs --log-stream-name-prefix "$job/" \
    --query 'logStreams[0].logStreamName' --output text)
aws logs get-log-events --log-group-name /aws/sagemaker/ProcessingJobs --log-stream-name "$stream" --start-from-head \
    --query 'events[].message' --output text
echo "more than a line" > object
aws s3 cp object s3://sagemaker-us-east-1-123456789012/cli/object --no-progress
aws s3 cp s3://sagemaker-us-east-1-123456789012/cli/object - | sed 's/^/object: /'
aws sagemaker list-pipelines --page-size 1 --query 'PipelineSummaries[].PipelineName' --output text | sed 's/^/pipelines: /'
aws sts get-caller-identity --query Account --output text | sed 's/^/account: /'
aws sagemaker list-apps || echo "status: $?"
