using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Protocol.Tunnel;

public sealed class ReplayWindowTests
{
    [Theory]
    [InlineData(0UL)]
    [InlineData(8128UL)]
    [InlineData((1UL << 36) - 20_000)]
    [InlineData(1UL << 34)]
    public void Agrees_with_a_naive_reference(ulong origin)
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var window = new ReplayWindow();
            var seen = new HashSet<ulong>();
            var newest = 0UL;
            var any = false;
            var cursor = origin;
            for (var i = 0; i < 4000; i++)
            {
                cursor += random.Next(20) switch
                {
                    0 => (ulong)random.Next(10_000),
                    1 => (ulong)random.Next(100),
                    _ => 1,
                };
                var counter = random.Next(3) switch
                {
                    0 => cursor - Math.Min(cursor, (ulong)random.Next(9000)),
                    1 => cursor - Math.Min(cursor, (ulong)random.Next(8120, 8140)),
                    _ => cursor,
                };
                var expected = !seen.Contains(counter) && (!any || counter > newest || newest - counter <= TunnelTuning.ReplayWindow);
                Assert.True(expected == window.TryAccept(counter), $"seed {seed}, step {i}, counter {counter}, newest {newest}");
                if (expected)
                {
                    seen.Add(counter);
                    newest = any ? Math.Max(newest, counter) : counter;
                    any = true;
                }
            }
        }
    }

    /// <summary>No honest sender gets that far in the 180 s of a session; one that jumps there loses packets, but none is taken
    /// twice.</summary>
    [Fact]
    public void Jumps_of_any_size_let_nothing_through_twice()
    {
        var window = new ReplayWindow();
        foreach (var counter in new[] { 5UL, 1UL << 31, 1UL << 36, 1UL << 37, (1UL << 37) + (1UL << 42), 1UL << 59, ulong.MaxValue - 9000 })
        {
            window.TryAccept(counter);
            Assert.False(window.TryAccept(counter));
            window.TryAccept(counter + 8128);
            Assert.False(window.TryAccept(counter + 8128));
            Assert.False(window.TryAccept(counter));
            Assert.False(window.TryAccept(counter - 1));
        }
    }

    [Fact]
    public async Task Threads_take_every_counter_exactly_once()
    {
        var window = new ReplayWindow();
        const int counters = 200_000;
        var taken = new int[counters];
        var next = -1;
        var workers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            // Every counter is offered four times, by whichever threads come along.
            int offer;
            while ((offer = Interlocked.Increment(ref next)) < counters * 4)
            {
                var counter = offer / 4;
                if (window.TryAccept((ulong)counter))
                    Interlocked.Increment(ref taken[counter]);
            }
        }));
        await Task.WhenAll(workers);
        Assert.All(taken, count => Assert.InRange(count, 0, 1));
        Assert.True(taken.Count(count => count == 1) > counters * 0.99);
    }
}
