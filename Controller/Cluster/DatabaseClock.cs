using Mesh.Actors.Ports;
using Mesh.Controller.Journal;
using Mesh.Protocol.Time;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Controller.Cluster;

/// <summary>
/// Is the database's clock, as all controllers on it have it: what they decide, sign and certify carries one time, whatever their machines
/// think. Nodes judge what they get by their own clocks and by the newest signed time; certificates are backdated by an hour for them.
/// Between two looks at the database it runs on with the machine's monotonic clock, which nobody sets, and it never goes back unless the
/// database's clock did by more than a second. Safe for concurrent use.
/// </summary>
sealed class DatabaseClock : IClock, IAsyncDisposable
{
    /// <summary>How often the database is asked.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    // Of several answers the one that was under way for the shortest time says most: it is wrong by half of that at most.
    const int Samples = 5;

    static readonly TimeSpan MaximumSlew = TimeSpan.FromSeconds(1);

    readonly Func<CancellationToken, Task<WallTime>> _ask;
    readonly IClock _machine;
    readonly TimeProvider _time;
    readonly ILogger _log;
    readonly CancellationTokenSource _closing = new();
    readonly SemaphoreSlim _wake = new(0, 1);
    volatile Sample _sample;
    long _last;
    Task _following = Task.CompletedTask;

    DatabaseClock(Func<CancellationToken, Task<WallTime>> ask, IClock machine, TimeProvider time, ILogger log, Sample sample) =>
        (_ask, _machine, _time, _log, _sample) = (ask, machine, time, log, sample);

    /// <inheritdoc/>
    public WallTime Now
    {
        get
        {
            var now = At(_sample, _time.GetTimestamp()).UnixMilliseconds;
            while (true)
            {
                var last = Interlocked.Read(ref _last);
                if (now <= last)
                    return new WallTime(last);
                if (Interlocked.CompareExchange(ref _last, now, last) == last)
                    return new WallTime(now);
            }
        }
    }

    /// <summary>Gets by how much the machine's clock is ahead of the database's.</summary>
    public TimeSpan MachineAhead => _machine.Now - At(_sample, _time.GetTimestamp());

    /// <summary>Asks the database for the time and starts to follow it.</summary>
    public static Task<DatabaseClock> StartAsync(
        ClusterDatabase database, IClock machine, TimeProvider time, ILogger log, CancellationToken cancellationToken) =>
        StartAsync(
            token => database.RunAsync(
                async connection =>
                {
                    await using var command = new NpgsqlCommand("SELECT clock_timestamp()", connection);
                    return ClusterDatabase.Read((await command.ExecuteScalarAsync(token))!);
                },
                token),
            machine, time, log, cancellationToken);

    /// <summary>Follows whatever gives the time.</summary>
    internal static async Task<DatabaseClock> StartAsync(
        Func<CancellationToken, Task<WallTime>> ask, IClock machine, TimeProvider time, ILogger log, CancellationToken cancellationToken)
    {
        var clock = new DatabaseClock(ask, machine, time, log, await MeasureAsync(ask, time, cancellationToken));
        clock.Tell();
        clock._following = Task.Run(clock.FollowAsync, CancellationToken.None);
        return clock;
    }

    /// <summary>Takes a time that the database said in passing: where it is far from this clock, the machine stood still or was set.</summary>
    public void Check(WallTime said)
    {
        if ((said - Now).Duration() > MaximumSlew * 3)
            Wake();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _following;
        _closing.Dispose();
        _wake.Dispose();
    }

    /// <summary>Asks again now; used by <see cref="FollowAsync"/> and by tests.</summary>
    internal async Task ResampleAsync(CancellationToken cancellationToken)
    {
        var sample = await MeasureAsync(_ask, _time, cancellationToken);
        var before = Now;
        var after = At(sample, _time.GetTimestamp());
        _sample = sample;
        // A little too far ahead: time stands still until the database is there. Far too far: decisions for hours would carry one moment.
        if (before - after > MaximumSlew)
        {
            _log.DatabaseClockWentBack((before - after).TotalSeconds);
            Interlocked.Exchange(ref _last, after.UnixMilliseconds);
        }
    }

    static async Task<Sample> MeasureAsync(Func<CancellationToken, Task<WallTime>> ask, TimeProvider time, CancellationToken cancellationToken)
    {
        Sample? best = null;
        var shortest = TimeSpan.MaxValue;
        for (var i = 0; i < Samples; i++)
        {
            var sent = time.GetTimestamp();
            var said = await ask(cancellationToken);
            var received = time.GetTimestamp();
            var underWay = time.GetElapsedTime(sent, received);
            if (underWay >= shortest)
                continue;
            shortest = underWay;
            best = new Sample(said + underWay / 2, received);
        }
        return best!;
    }

    async Task FollowAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                await _wake.WaitAsync(Interval, _closing.Token);
                await ResampleAsync(_closing.Token);
                Tell();
            }
            catch (OperationCanceledException) when (_closing.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever keeps the database from answering, the clock runs on, and the next look comes.
            catch (Exception)
#pragma warning restore CA1031
            {
                // The member board says that the database is silent.
            }
        }
    }

    void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is asked already.
        }
    }

    void Tell()
    {
        if (MachineAhead.Duration() > new Mesh.Actors.Cluster.ClusterTimes().SkewTold)
            _log.ClockIsOff(MachineAhead.TotalSeconds);
    }

    WallTime At(Sample sample, long timestamp) => sample.Said + _time.GetElapsedTime(sample.At, timestamp);

    sealed record Sample(WallTime Said, long At);
}
