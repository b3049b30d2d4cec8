# /var/lib/lakehouse of the host: Airflow's database, its own secrets, logs and downloads. It outlives the instance.
resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV_AWS_189:a key of ours would have to be opened to whatever starts the host, the schedule too
  availability_zone = var.zone
  encrypted         = true
  type              = "gp3"
  size              = var.data_gb
  tags = {
    Name      = "${var.name}-airflow-data"
    Snapshots = var.name
  }
}

resource "aws_volume_attachment" "data" {
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.data.id
  instance_id                    = aws_instance.airflow.id
  stop_instance_before_detaching = true
}

resource "aws_iam_role" "snapshots" {
  name = "${var.name}-snapshots"
  assume_role_policy = templatefile("${path.root}/policies/assume.json.tftpl", {
    service = "dlm.amazonaws.com"
    account = var.account
  })
}

resource "aws_iam_role_policy_attachment" "snapshots" {
  role       = aws_iam_role.snapshots.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}

resource "aws_dlm_lifecycle_policy" "snapshots" {
  description        = "Daily snapshots of the data volume of Airflow"
  execution_role_arn = aws_iam_role.snapshots.arn

  policy_details {
    resource_types = ["VOLUME"]
    target_tags    = { Snapshots = var.name }

    schedule {
      name      = "daily"
      copy_tags = true

      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["03:00"]
      }

      retain_rule {
        count = var.snapshot_days
      }
    }
  }
}
