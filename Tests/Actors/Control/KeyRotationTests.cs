using Mesh.Actors.Control;
using Mesh.Protocol.Control;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Actors.Control;

/// <summary>Planned key changes in virtual time: when they begin, how they go on, and what is left in the end.</summary>
public sealed class KeyRotationTests : TestKit
{
    static readonly WallTime Start = new(1_800_000_000_000);

    readonly StepClock _clock = new(Start);
    readonly FakeTransport _transport = new();
    readonly FakeKeys _keys = new(Start);
    volatile string? _attachedTo = "c.test:8443";

    public KeyRotationTests() : base("akka.scheduler.implementation = \"TestScheduler\"\nakka.loglevel = OFF")
    {
    }

    [Fact]
    public async Task Every_thirty_days_the_key_changes_by_itself_and_never_is_it_older()
    {
        var rotation = Run(TimeSpan.FromDays(30));
        var oldest = TimeSpan.Zero;
        for (var hour = 0; hour < 24 * 365; hour++)
        {
            await AdvanceAsync(rotation, TimeSpan.FromHours(1));
            var age = _clock.Now - _keys.Since;
            oldest = age > oldest ? age : oldest;
        }
        Assert.InRange(_keys.Switches, 12, 13);
        Assert.InRange(oldest, TimeSpan.FromDays(26), TimeSpan.FromDays(30));
        // The former key is answered under for an hour, not longer.
        Assert.False(_keys.HasFormer);
        Assert.Equal(_keys.Switches, _keys.Forgotten);
    }

    [Fact]
    public async Task Without_an_interval_it_changes_when_asked_and_at_no_other_time()
    {
        var rotation = Run(null);
        await AdvanceAsync(rotation, TimeSpan.FromDays(3650));
        Assert.Equal(0, _keys.Switches);
        var (before, rotated) = (_keys.Current, Assert.IsType<RotationOutcome.Rotated>(await AskAsync(rotation)));
        Assert.Equal((before, _keys.Current), (rotated.Former, rotated.Key));
        await AdvanceAsync(rotation, TimeSpan.FromMinutes(59));
        Assert.True(_keys.HasFormer);
        await AdvanceAsync(rotation, TimeSpan.FromMinutes(1));
        Assert.False(_keys.HasFormer);
    }

    [Fact]
    public async Task Detached_it_begins_nothing_and_makes_up_for_it_as_soon_as_it_can()
    {
        _attachedTo = null;
        var rotation = Run(TimeSpan.FromDays(1));
        await AdvanceAsync(rotation, TimeSpan.FromDays(3));
        Assert.IsType<RotationOutcome.Detached>(await AskAsync(rotation));
        Assert.Equal((null, 0), (_keys.Next, _keys.Prepared));
        _attachedTo = "c.test:8443";
        await AdvanceAsync(rotation, TimeSpan.FromMinutes(1));
        Assert.Equal(1, _keys.Switches);
    }

    [Fact]
    public async Task What_is_open_is_asked_again_with_the_same_key_until_it_is_settled()
    {
        var asked = new List<KeyRotationRequest>();
        _transport.Rotate = (_, request) =>
        {
            asked.Add(request);
            return asked.Count < 6 ? Task.FromException(asked.Count % 2 == 0
                ? new ControlRefusedException(RefusalCodes.Unavailable, "try again")
                : new IOException("the connection was cut")) : Task.CompletedTask;
        };
        var rotation = Run(null);
        Assert.IsType<RotationOutcome.Open>(await AskAsync(rotation));
        for (var second = 0; second < 31; second++)
            await AdvanceAsync(rotation, TimeSpan.FromSeconds(1));
        // After 1, 2, 4, 8 and 16 seconds.
        Assert.Equal((6, 1, 1), (asked.Count, _keys.Prepared, _keys.Switches));
        Assert.Single(asked.Distinct());
        Assert.Equal(asked[0].TunnelKey, _keys.Current);
    }

    [Fact]
    public async Task What_is_open_is_settled_within_seconds_of_a_controllers_return()
    {
        var rotation = Run(null);
        _transport.Rotate = (_, _) =>
        {
            _attachedTo = null;
            return Task.FromException(new IOException("the connection was cut"));
        };
        Assert.IsType<RotationOutcome.Open>(await AskAsync(rotation));
        for (var second = 0; second < 100; second++)
            await AdvanceAsync(rotation, TimeSpan.FromSeconds(1));
        _transport.Rotate = (_, _) => Task.CompletedTask;
        _attachedTo = "c.test:8443";
        await AdvanceAsync(rotation, TimeSpan.FromSeconds(2));
        Assert.Equal(1, _keys.Switches);
    }

    [Fact]
    public async Task A_refusal_ends_it_and_the_next_attempt_has_another_key()
    {
        var asked = new List<KeyRotationRequest>();
        _transport.Rotate = (_, request) =>
        {
            asked.Add(request);
            return asked.Count == 1 ? Task.FromException(new ControlRefusedException("key-in-use", "no")) : Task.CompletedTask;
        };
        var rotation = Run(null);
        Assert.Equal(new RotationOutcome.Refused("key-in-use", "no"), await AskAsync(rotation));
        Assert.Null(_keys.Next);
        await AdvanceAsync(rotation, TimeSpan.FromHours(1));
        Assert.Single(asked);
        Assert.IsType<RotationOutcome.Rotated>(await AskAsync(rotation));
        Assert.Equal(2, asked.Distinct().Count());
    }

    [Fact]
    public async Task What_an_earlier_process_left_open_is_settled_at_the_start_and_a_crash_of_the_actor_loses_nothing()
    {
        await _keys.PrepareAsync();
        var next = _keys.Next;
        var fail = true;
        _transport.Rotate = (_, _) => fail ? throw new InvalidOperationException("a bug") : Task.CompletedTask;
        var rotation = Run(null);
        await AdvanceAsync(rotation, TimeSpan.FromSeconds(1));
        Assert.Equal((0, next), (_keys.Switches, _keys.Next));
        fail = false;
        await AdvanceAsync(rotation, TimeSpan.FromSeconds(1));
        Assert.Equal((1, next), (_keys.Switches, _keys.Current));
        await AdvanceAsync(rotation, TimeSpan.FromDays(1));
        Assert.Equal((1, 1), (_keys.Prepared, _keys.Switches));
    }

    [Fact]
    public async Task A_full_disk_leaves_the_key_as_it_was()
    {
        _keys.DiskIsFull = true;
        var rotation = Run(null);
        Assert.Equal(new RotationOutcome.Failed("no space left"), await AskAsync(rotation));
        Assert.Null(_keys.Next);
        // Full only after the controller has it: the node answers under both until there is room.
        _keys.DiskIsFull = false;
        _transport.Rotate = (_, _) =>
        {
            _keys.DiskIsFull = true;
            return Task.CompletedTask;
        };
        Assert.IsType<RotationOutcome.Open>(await AskAsync(rotation));
        Assert.NotNull(_keys.Next);
        _transport.Rotate = (_, _) =>
        {
            _keys.DiskIsFull = false;
            return Task.CompletedTask;
        };
        await AdvanceAsync(rotation, TimeSpan.FromSeconds(1));
        Assert.Equal(1, _keys.Switches);
    }

    IActorRef Run(TimeSpan? interval)
    {
        var control = Sys.ActorOf(Props.Create(() => new Control(() => _attachedTo)));
        var setup = new KeyRotationSetup
        {
            Keys = _keys, Transport = _transport, Control = control, Interval = interval, Time = _clock, Jitter = new Random(3),
        };
        return Sys.ActorOf(Props.Create(() => new KeyRotation(setup)));
    }

    static Task<RotationOutcome> AskAsync(IActorRef rotation) => rotation.Ask<RotationOutcome>(KeyRotation.Rotate.Instance, TimeSpan.FromSeconds(10));

    async Task AdvanceAsync(IActorRef rotation, TimeSpan by)
    {
        await rotation.Ask<ActorIdentity>(new Identify(0), TimeSpan.FromSeconds(10));
        _clock.Now += by;
        ((TestScheduler)Sys.Scheduler).Advance(by);
        await rotation.Ask<ActorIdentity>(new Identify(0), TimeSpan.FromSeconds(10));
    }

    sealed class Control : ReceiveActor
    {
        public Control(Func<string?> attachedTo) => Receive<ControlProtocol.GetStatus>(_ => Sender.Tell(new ControlStatus(
            new MapTrust { Network = default, Node = default, Root = default }, true, attachedTo(), new Dictionary<NodeId, Presence>(), []) { IsHeard = true }));
    }

    /// <summary>Keys that are only numbers, on a disk that may be full.</summary>
    sealed class FakeKeys(WallTime since) : INodeKeys
    {
        byte _drawn = 1;

        public int Prepared { get; private set; }

        public int Switches { get; private set; }

        public int Forgotten { get; private set; }

        public bool DiskIsFull { get; set; }

        public TunnelPublicKey Current { get; private set; } = Key(1);

        public WallTime Since { get; private set; } = since;

        public TunnelPublicKey? Next { get; private set; }

        public bool HasFormer { get; private set; }

        public Task PrepareAsync()
        {
            Keep();
            Prepared++;
            HasFormer = false;
            Next = Key(++_drawn);
            return Task.CompletedTask;
        }

        public Task SwitchAsync(WallTime now)
        {
            Keep();
            Switches++;
            (Current, Next, HasFormer, Since) = (Next!.Value, null, true, now);
            return Task.CompletedTask;
        }

        public Task AbandonAsync()
        {
            Next = null;
            return Task.CompletedTask;
        }

        public Task ForgetFormerAsync()
        {
            Forgotten += HasFormer ? 1 : 0;
            HasFormer = false;
            return Task.CompletedTask;
        }

        void Keep()
        {
            if (DiskIsFull)
                throw new IOException("no space left");
        }

        static TunnelPublicKey Key(byte number) => new([.. Enumerable.Repeat(number, 32)]);
    }
}
