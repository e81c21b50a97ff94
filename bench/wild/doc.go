// Package wild has tests of the real binary on clusters as they are in the wild: with TLS, logins and rights, with
// partitions that move and brokers that forget. They need a real Kafka and run where WEND_TEST_KAFKA is set; those of
// security start one of their own beside it, with listeners that no other test wants.
package wild
