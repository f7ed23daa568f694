print("baotu")
