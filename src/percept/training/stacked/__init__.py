"""Many small networks of one design trained together, each as if it were alone; one network is a stack of one."""
