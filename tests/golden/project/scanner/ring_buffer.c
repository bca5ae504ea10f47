#include <stdbool.h>
#include <stddef.h>

#define RING_SIZE 64

struct ring_buffer {
    int slots[RING_SIZE];
    size_t head;
    size_t tail;
};

/* Add a scan; false when the reader fell behind and the buffer is full. */
bool ring_push(struct ring_buffer *ring, int value)
{
    size_t next = (ring->head + 1) % RING_SIZE;
    if (next == ring->tail)
        return false;
    ring->slots[ring->head] = value;
    ring->head = next;
    return true;
}

bool ring_pop(struct ring_buffer *ring, int *value)
{
    if (ring->tail == ring->head)
        return false;
    *value = ring->slots[ring->tail];
    ring->tail = (ring->tail + 1) % RING_SIZE;
    return true;
}
