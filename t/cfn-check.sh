#!/bin/sh
# config/aws/live-translation.yaml by npm's cfn-lint, with AWS's specification
# of resources of @aws-cdk/cfnspec in place of its own, older one.  BUILD as the
# Makefile sets it; needs the network once.
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=$PWD/build}"
dir=$BUILD/cfn-check
mkdir -p "$dir"
[ -d "$dir/node_modules/cfn-lint" ] && [ -d "$dir/node_modules/@aws-cdk/cfnspec" ] \
    || npm install --silent --no-audit --no-fund --prefix "$dir" cfn-lint@1.9.7 @aws-cdk/cfnspec@2.72.1
(cd "$dir" && node -e "require('fs').writeFileSync('node_modules/cfn-lint/data/aws_resources_specification.json',
    JSON.stringify(require('@aws-cdk/cfnspec').specification()))")

lint() {
    "$dir/node_modules/.bin/cfn-lint" validate config/aws/live-translation.yaml --parameters "BucketName=lt-voices,$1" \
        > "$dir/log" 2>&1 && grep -q 'Template valid' "$dir/log" || { cat "$dir/log" >&2; exit 1; }
    echo "cfn-check: valid with $1"
}
lists=SubnetIds=subnet-1,RouteTableIds=rtb-1,ClientSecurityGroupId=sg-1
lint "VpcId=vpc-1,$lists,FanOut=yes,AlarmTopicArn=arn:aws:sns:us-east-1:1:x"
lint "MakeStream=no,MakeBucket=no,RunsOn=ecs-tasks.amazonaws.com,$lists"
