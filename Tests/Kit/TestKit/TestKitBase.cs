using System.Diagnostics;
using System.Threading.Channels;
using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Configuration;

namespace Mesh.Actors.Engine.TestKit;

/// <summary>Marks what wants no sender where a test tells without one.</summary>
public interface INoImplicitSender;

/// <summary>A system and an actor that queues what it receives for the test. For one test at a time.</summary>
public abstract partial class TestKitBase : IActorRefFactory
{
    /// <summary>Flows from the constructor into the test, also past awaits, and into no other test.</summary>
    static readonly AsyncLocal<IActorRef?> OutsideSender = ActorRefImplicitSenderExtensions.OutsideSender ??= new AsyncLocal<IActorRef?>();

    static int _lastTestActor;

    readonly Channel<MessageEnvelope> _queue = Channel.CreateUnbounded<MessageEnvelope>();
    MessageEnvelope? _peeked;
    MessageEnvelope _last;
    TimeSpan? _withinDeadline;

    private protected TestKitBase(ActorSystem? system, Config? config, string? actorSystemName, string? testActorName)
    {
        Sys = system ?? Create(actorSystemName ?? "test", (config ?? Config.Empty).WithFallback(DefaultConfig));
        var settings = Sys.Settings.Config;
        TestTimeFactor = settings.GetDouble("akka.test.timefactor", 1);
        DefaultTimeout = settings.GetTimeSpan("akka.test.default-timeout", TimeSpan.FromSeconds(5));
        SingleExpectDefault = settings.GetTimeSpan("akka.test.single-expect-default", TimeSpan.FromSeconds(3));
        EventFilter = new EventFilterFactory(this, Sys);
        var writer = _queue.Writer;
        TestActor = ((ExtendedActorSystem)Sys).SystemActorOf(
            Props.CreateBy(new TestActorProducer(writer)), testActorName ?? $"testActor{Interlocked.Increment(ref _lastTestActor)}");
        if (this is not INoImplicitSender)
            OutsideSender.Value = TestActor;
    }

    /// <summary>Quiet, and quick to time out.</summary>
    public static Config DefaultConfig { get; } = ConfigurationFactory.ParseString(
        """
        akka {
          loglevel = DEBUG
          stdout-loglevel = OFF
          log-dead-letters = off
          test { timefactor = 1.0, default-timeout = 5s, single-expect-default = 3s, filter-leeway = 3s }
        }
        """);

    public ActorSystem Sys { get; }

    /// <summary>Queues what it receives for the <c>Expect</c> methods.</summary>
    public IActorRef TestActor { get; }

    public EventFilterFactory EventFilter { get; }

    /// <summary>Sender of the last message that the test took.</summary>
    public IActorRef LastSender => _last.Sender ?? ActorRefs.Nobody;

    private protected object LastMessage => _last.Message;

    public bool HasMessages => _peeked is not null || _queue.Reader.TryPeek(out _);

    internal double TestTimeFactor { get; }

    internal TimeSpan DefaultTimeout { get; }

    internal TimeSpan SingleExpectDefault { get; }

    static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    /// <summary>Time left within the block in force, or the default for one message.</summary>
    public TimeSpan RemainingOrDefault => RemainingOr(Dilated(SingleExpectDefault));

    /// <summary>Stretches a duration by the factor configured for slow machines.</summary>
    public TimeSpan Dilated(TimeSpan duration) => duration * TestTimeFactor;

    public IActorRef ActorOf(Props props, string? name = null) => Sys.ActorOf(props, name);

    public IActorRef ActorOf<TActor>(System.Linq.Expressions.Expression<Func<TActor>> factory, string? name = null)
        where TActor : ActorBase => Sys.ActorOf(Props.Create(factory), name);

    public IActorRef ActorOf<TActor>(string? name = null)
        where TActor : ActorBase, new() => Sys.ActorOf(Props.Create<TActor>(), name);

    public virtual TestProbe CreateTestProbe(string? name = null) => new(Sys, name);

    public virtual TestProbe CreateTestProbe(ActorSystem system, string? name = null) => new(system, name);

    public EventFilterFactory CreateEventFilter(ActorSystem system) => new(this, system);

    /// <summary>Drops messages before they are queued; null ends it.</summary>
    public void IgnoreMessages(Func<object, bool>? shouldIgnoreMessage) =>
        TestActor.Tell(new TestActor.SetIgnore(shouldIgnoreMessage), TestActor);

    public void IgnoreMessages<TMsg>(Func<TMsg, bool> shouldIgnoreMessage) =>
        IgnoreMessages(message => message is TMsg typed && shouldIgnoreMessage(typed));

    public void IgnoreMessages<TMsg>() => IgnoreMessages(message => message is TMsg);

    public void IgnoreNoMessages() => IgnoreMessages(null);

    public void SetAutoPilot(AutoPilot pilot) => TestActor.Tell(new TestActor.SetAutoPilot(pilot), TestActor);

    public async Task<IActorRef> WatchAsync(IActorRef actorToWatch)
    {
        await TestActor.Ask<Done>(new TestActor.Watch(actorToWatch), DefaultTimeout).ConfigureAwait(false);
        return actorToWatch;
    }

    public async Task<IActorRef> UnwatchAsync(IActorRef actorToUnwatch)
    {
        await TestActor.Ask<Done>(new TestActor.Unwatch(actorToUnwatch), DefaultTimeout).ConfigureAwait(false);
        return actorToUnwatch;
    }

    public Task<IActorRef> ChildActorOfAsync(
        Props props, string? name = null, SupervisorStrategy? supervisorStrategy = null, CancellationToken cancellationToken = default) =>
        TestActor.Ask<IActorRef>(new TestActor.Spawn(props, name, supervisorStrategy), DefaultTimeout, cancellationToken);

    /// <summary>Terminates the system and waits for its end.</summary>
    public virtual void Shutdown(TimeSpan? duration = null, bool verifySystemShutdown = false) =>
        Shutdown(Sys, duration, verifySystemShutdown);

    protected virtual void Shutdown(ActorSystem system, TimeSpan? duration = null, bool verifySystemShutdown = false)
    {
        ArgumentNullException.ThrowIfNull(system);
        var ended = system.Terminate().Wait(duration ?? Dilated(TimeSpan.FromSeconds(5)));
        if (!ended && verifySystemShutdown)
            throw new TimeoutException($"The actor system {system.Name} did not end in time.");
    }

    static ActorSystem Create(string name, Config config)
    {
        var implementation = config.GetString("akka.scheduler.implementation");
        return new ActorSystemImpl(
            name,
            config,
            implementation is not null && implementation.Contains("TestScheduler", StringComparison.Ordinal)
                ? system => new TestScheduler(config, system.Log)
                : null).Start();
    }

    TimeSpan RemainingOr(TimeSpan duration) =>
        _withinDeadline is { } deadline ? TimeSpan.FromTicks(Math.Max(0, (deadline - Now).Ticks)) : duration;

    private protected TimeSpan RemainingOrDilated(TimeSpan? duration)
    {
        if (duration is not { } given)
            return RemainingOrDefault;
        if (given == Timeout.InfiniteTimeSpan)
            return given;
        ArgumentOutOfRangeException.ThrowIfLessThan(given, TimeSpan.Zero, nameof(duration));
        return Dilated(given);
    }

    sealed class TestActorProducer(ChannelWriter<MessageEnvelope> queue) : IIndirectActorProducer
    {
        public Type ActorType => typeof(TestActor);

        public ActorBase Produce() => new TestActor(queue);

        public void Release(ActorBase actor) { }
    }
}
