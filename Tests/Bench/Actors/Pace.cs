using System.Diagnostics;

namespace Mesh.Bench.Actors;

/// <summary>How fast something went, and what it allocated on all threads.</summary>
readonly record struct Pace(long Count, TimeSpan Elapsed, long Bytes)
{
    public double PerSecond => Count / Elapsed.TotalSeconds;

    public double MicrosecondsEach => Elapsed.TotalMicroseconds / Count;

    public double BytesEach => (double)Bytes / Count;

    /// <summary>Repeats rounds until the slice is up. What garbage there was before is not theirs to collect.</summary>
    public static async Task<Pace> MeasureAsync(TimeSpan slice, int countOfRound, Func<Task> round, CancellationToken cancel)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var began = Stopwatch.GetTimestamp();
        long count = 0;
        TimeSpan elapsed;
        do
        {
            cancel.ThrowIfCancellationRequested();
            await round();
            count += countOfRound;
            elapsed = Stopwatch.GetElapsedTime(began);
        }
        while (elapsed < slice);
        return new Pace(count, elapsed, GC.GetTotalAllocatedBytes(precise: true) - allocated);
    }
}

/// <summary>Waits until so many things have happened. Safe for concurrent use.</summary>
sealed class Latch
{
    /// <summary>Nothing that is waited for takes so long, unless a message was lost.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly int _count;
    int _left;

    public Latch(int count) => _count = _left = count;

    public void Signal()
    {
        if (Interlocked.Decrement(ref _left) == 0)
            _opened.SetResult();
    }

    public async Task WaitAsync(CancellationToken cancel)
    {
        try
        {
            await _opened.Task.WaitAsync(Limit, cancel);
        }
        catch (TimeoutException)
        {
            throw Lost(Volatile.Read(ref _left), _count);
        }
    }

    public static BenchFailureException Lost(int missing, int of) =>
        new(ExitCodes.Failed, $"{missing} of {of} did not come to their end within {Limit.TotalSeconds:0} s");
}

/// <summary>An actor system for one measurement.</summary>
sealed class Stage : IAsyncDisposable
{
    public Stage(string hocon = "") => System = ActorSystem.Create("bench", ConfigurationFactory.ParseString(hocon + """

        akka { loglevel = WARNING, stdout-loglevel = WARNING }
        """));

    public ActorSystem System { get; }

    public async ValueTask DisposeAsync() => await System.Terminate();
}
