using Mesh.Actors.Engine.Actor;
using Xunit.Abstractions;

namespace Mesh.Tests.Engine;

/// <summary>The wheel does what a sorted list would do.</summary>
public sealed class TimerWheelTests(ITestOutputHelper output)
{
    [Fact]
    public void What_falls_due_comes_in_order_and_not_before_its_tick()
    {
        for (var round = 0; round < 300; round++)
        {
            var seed = Random.Shared.Next();
            output.WriteLine($"seed {seed}");
            var random = new Random(seed);
            TimerWheel wheel = new();
            List<Entry> expected = [];
            // Far on in some rounds, so that the coarsest level comes around.
            if (round % 3 == 0)
                wheel.TurnTo(random.NextInt64(1L << 40));
            for (var step = 0; step < 400; step++)
            {
                switch (random.Next(4))
                {
                    case 0 or 1:
                        var tick = wheel.Now + Distance(random);
                        Entry entry = new() { Tick = tick, Due = tick * 10 - random.Next(10), Order = step };
                        wheel.Add(entry);
                        expected.Add(entry);
                        break;
                    case 2 when expected.Count > 0:
                        var gone = expected[random.Next(expected.Count)];
                        expected.Remove(gone);
                        Assert.True(wheel.Remove(gone));
                        Assert.False(wheel.Remove(gone));
                        break;
                    default:
                        var to = wheel.Now + Distance(random);
                        var due = expected.Where(each => each.Tick <= to).OrderBy(each => each.Due).ThenBy(each => each.Order).ToList();
                        Assert.Equal(due, wheel.TurnTo(to).Cast<Entry>());
                        Assert.Equal(to, wheel.Now);
                        expected.RemoveAll(due.Contains);
                        break;
                }
                Assert.Equal(expected.Count, wheel.Count);
                Assert.True(expected.Count == 0 ? wheel.NextTick is null : wheel.NextTick > wheel.Now, "the next look is ahead");
                Assert.True(expected.Count == 0 || wheel.NextTick <= expected.Min(each => each.Tick), "and not after the first that is due");
            }
            Assert.Equal(expected.Count, wheel.Clear().Count);
            Assert.Null(wheel.NextTick);
        }
    }

    [Fact]
    public void A_deadline_is_looked_at_six_times_at_most()
    {
        TimerWheel wheel = new();
        Entry entry = new() { Tick = 123_456_789_012 };
        wheel.Add(entry);
        var looks = 0;
        while (wheel.NextTick is { } next)
        {
            looks++;
            // The coarsest level alone is looked at once for each time it comes around.
            wheel.TurnTo(next);
        }
        Assert.Equal(entry.Tick, wheel.Now);
        Assert.InRange(looks, 1, 6 + (int)(entry.Tick >> 36));
    }

    // Of every order of magnitude alike.
    static long Distance(Random random) => 1 + random.NextInt64(1L << random.Next(1, 39));

    sealed class Entry : WheelEntry;
}
