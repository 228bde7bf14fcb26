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
        public MessageQueue Queue = new();
    }
}
