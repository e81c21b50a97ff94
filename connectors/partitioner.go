package connectors

func Murmur2Partition(key []byte, n int32) int32 { return 0 }
func CRC32Partition(key []byte, n int32) int32   { return 0 }
