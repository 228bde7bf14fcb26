using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine.Model;

/// <summary>A system in which nothing happens by itself: turns are given by the test, and time is moved by it.</summary>
sealed class SteppedSystem
{
    /// <summary>Names the system in the paths of its actors.</summary>
    public const string Name = "stepped";

    static readonly Config Quiet = ConfigurationFactory.ParseString("akka { stdout-loglevel = OFF, log-dead-letters = off }");

    readonly SteppedDispatcher _dispatcher = new();

    public SteppedSystem()
    {
        System = new ActorSystemImpl(Name, Quiet, static system => new TestScheduler(Config.Empty, system.Log), _dispatcher);
        System.Start();
        Rest();
    }

    public ActorSystemImpl System { get; }

    public SteppedDispatcher Dispatcher => _dispatcher;

    TestScheduler Scheduler => (TestScheduler)System.Scheduler;

    public void Turn(IActorRef actor) => _dispatcher.RunTurn(((LocalActorRef)actor).Cell.Mailbox);

    /// <summary>Gives turns, first come first served, until nobody wants one.</summary>
    public void Rest()
    {
        while (_dispatcher.Scheduled.Count > 0)
            _dispatcher.RunTurn(_dispatcher.Scheduled[0]);
    }

    public void Advance(TimeSpan time) => Scheduler.Advance(time);

    public void Advance(int milliseconds) => Advance(TimeSpan.FromMilliseconds(milliseconds));

    /// <summary>Returns an actor below the guardian by the names on the way to it.</summary>
    public IActorRef Find(params string[] names) =>
        names.Aggregate((IActorRef)System.Guardian, static (parent, name) => ((LocalActorRef)parent).Cell.Child(name));

    /// <summary>Returns what will be published on a channel from now on.</summary>
    public IReadOnlyList<T> Record<T>()
    {
        var recorder = new Recorder<T>(System);
        System.EventStream.Subscribe(recorder, typeof(T));
        return recorder.Events;
    }

    sealed class Recorder<T>(ActorSystemImpl system) : MinimalActorRef
    {
        public List<T> Events { get; } = [];

        public override ActorPath Path { get; } = system.NextTempPath();

        public override ActorSystemImpl System { get; } = system;

        protected override void TellInternal(object message, IActorRef? sender) => Events.Add((T)message);
    }
}
