using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Tests.Engine;

public sealed class MessageQueueTests
{
    [Fact]
    public void Messages_come_out_in_order_and_prepended_ones_first()
    {
        var queue = new MessageQueue();
        Assert.False(queue.HasMessages);
        queue.Enqueue("c", null);
        queue.Enqueue("d", null);
        queue.EnqueueFirst("b", null);
        queue.EnqueueFirst("a", null);
        var taken = new List<object>();
        while (queue.TryDequeue(out var message, out _))
            taken.Add(message);
        Assert.Equal(["a", "b", "c", "d"], taken);
        Assert.False(queue.HasMessages);
    }

    [Fact]
    public void Depth_and_order_hold_over_bursts_of_any_size()
    {
        var queue = new MessageQueue();
        var (written, read) = (0, 0);
        foreach (var burst in new[] { 1, 3, 4, 5, 12, 200, 256, 257, 30_000, 1, 0, 300, 5_000, 1, 1, 1, 5_000 })
        {
            for (var count = 0; count < burst; count++)
                queue.Enqueue(written++, null);
            Assert.Equal(written - read, queue.Count);
            // Some stay behind, so that the next burst begins in the middle of a ring.
            while (queue.Count > burst % 3)
            {
                Assert.True(queue.TryDequeue(out var message, out _));
                Assert.Equal(read++, message);
            }
        }
        while (queue.TryDequeue(out var message, out _))
            Assert.Equal(read++, message);
        Assert.Equal(written, read);
        Assert.Equal(0, queue.Count);
        Assert.False(queue.HasMessages);
    }

    [Fact]
    public void Floods_are_taken_without_allocating_and_leave_little_behind()
    {
        var queue = new MessageQueue();
        void Flood(int messages)
        {
            for (var each = 0; each < messages; each++)
                queue.Enqueue(this, null);
            while (queue.TryDequeue(out _, out _))
            {
            }
        }

        Flood(8_000);
        Flood(8_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Flood(8_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        before = GC.GetAllocatedBytesForCurrentThread();
        // A few that come one by one, and the room for many is given up for room for few.
        Flood(1);
        Flood(1);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 500);
        before = GC.GetAllocatedBytesForCurrentThread();
        for (var each = 0; each < 100; each++)
            Flood(1);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_queue_in_balance_allocates_nothing()
    {
        var queue = new MessageQueue();
        void Exchange(int messages)
        {
            for (var sent = 0; sent < messages; sent++)
            {
                for (var each = 0; each < 7; each++)
                    queue.Enqueue(this, null);
                while (queue.TryDequeue(out _, out _))
                {
                }
            }
        }

        Exchange(100);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Exchange(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Many_writers_and_one_reader_lose_and_reorder_nothing()
    {
        const int Writers = 4;
        const int Each = 50_000;
        var box = new Box();
        var writing = Enumerable.Range(0, Writers).Select(writer => Task.Run(() =>
        {
            for (var number = 0; number < Each; number++)
                box.Queue.Enqueue((writer, number), null);
        })).ToArray();
        var next = new int[Writers];
        for (var count = 0; count < Writers * Each;)
        {
            if (!box.Queue.TryDequeue(out var message, out _))
            {
                await Task.Yield();
                continue;
            }
            var (writer, number) = ((int, int))message;
            Assert.Equal(next[writer]++, number);
            count++;
        }
        await Task.WhenAll(writing);
        Assert.False(box.Queue.HasMessages);
    }

    sealed class Box
    {
        public MessageQueue Queue;
    }
}
