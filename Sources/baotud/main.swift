print("baotud")
