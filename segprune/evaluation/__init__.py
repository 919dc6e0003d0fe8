"""Score predictions against labels: confusion matrices, mIoU, class IoU."""
