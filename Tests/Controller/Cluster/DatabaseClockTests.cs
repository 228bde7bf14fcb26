using Mesh.Actors.Ports;
using Mesh.Controller.Cluster;
using Mesh.Protocol.Time;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Tests.Controller.Cluster;

public sealed class DatabaseClockTests
{
    static readonly WallTime Start = new(1_700_000_000_000);

    readonly StillTime _time = new();
    readonly FixedClock _machine = new() { Now = Start + TimeSpan.FromSeconds(40) };
    readonly Queue<TimeSpan> _underWay = [];
    TimeSpan _databaseAhead;

    [Fact]
    public async Task Takes_the_answer_that_was_under_way_for_the_shortest_time_and_halves_that()
    {
        // The database reads its clock in the middle of each trip; the shortest says most.
        foreach (var milliseconds in (int[])[200, 80, 20, 400, 90])
            _underWay.Enqueue(TimeSpan.FromMilliseconds(milliseconds));
        await using var clock = await StartAsync();
        Assert.Equal(Database(), clock.Now);
    }

    [Fact]
    public async Task Runs_on_with_the_monotonic_clock_whatever_the_machines_clock_is_set_to()
    {
        await using var clock = await StartAsync();
        Assert.Equal(TimeSpan.FromSeconds(40), clock.MachineAhead);
        _time.Advance(TimeSpan.FromSeconds(10));
        _machine.Now = Start - TimeSpan.FromHours(5);
        Assert.Equal(Start + TimeSpan.FromSeconds(10), clock.Now);
        Assert.Equal(TimeSpan.FromHours(-5) - TimeSpan.FromSeconds(10), clock.MachineAhead);
    }

    [Fact]
    public async Task Stands_still_rather_than_go_back_a_little_and_goes_back_when_the_database_did_by_much()
    {
        await using var clock = await StartAsync();
        _time.Advance(TimeSpan.FromSeconds(30));
        var before = clock.Now;
        _databaseAhead = TimeSpan.FromMilliseconds(-400);
        await clock.ResampleAsync(default);
        Assert.Equal(before, clock.Now);
        _time.Advance(TimeSpan.FromMilliseconds(399));
        Assert.Equal(before, clock.Now);
        _time.Advance(TimeSpan.FromMilliseconds(2));
        Assert.Equal(Database(), clock.Now);
        Assert.True(clock.Now > before);

        _databaseAhead = TimeSpan.FromHours(-1);
        await clock.ResampleAsync(default);
        Assert.Equal(Database(), clock.Now);
        _databaseAhead = TimeSpan.FromHours(1);
        await clock.ResampleAsync(default);
        Assert.Equal(Database(), clock.Now);
    }

    Task<DatabaseClock> StartAsync() => DatabaseClock.StartAsync(AskAsync, _machine, _time, NullLogger.Instance, default);

    WallTime Database() => Start + new TimeSpan(_time.GetTimestamp()) + _databaseAhead;

    Task<WallTime> AskAsync(CancellationToken cancellationToken)
    {
        var half = (_underWay.TryDequeue(out var trip) ? trip : TimeSpan.Zero) / 2;
        _time.Advance(half);
        var said = Database();
        _time.Advance(half);
        return Task.FromResult(said);
    }

    sealed class FixedClock : IClock
    {
        public WallTime Now { get; set; }
    }

    sealed class StillTime : TimeProvider
    {
        long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);

        public void Advance(TimeSpan span) => Interlocked.Add(ref _ticks, span.Ticks);
    }
}
