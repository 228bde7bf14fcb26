namespace Mesh.Tests.Engine;

/// <summary>
/// The order of all hooks of a restart and of a stop, each with the timers that are active when it is entered and, for those that have a
/// base to call, when it is left.
/// </summary>
public sealed class ActorLifeCycleFlowSpec : TestKit
{
    static readonly string[] Start = ["aroundPreStart>", "preStart", "aroundPreStart<"];

    [Fact]
    public async Task ActorLifecycleAssert()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Flow(TestActor, "")));
        await ExpectFlowAsync(Start);
        actor.Tell("crash");
        await ExpectFlowAsync(
            "aroundPreRestart>", "preRestart>", "postStop", "preRestart<", "aroundPreRestart<",
            "aroundPostRestart>", "postRestart>", "preStart", "postRestart<", "aroundPostRestart<");
        Sys.Stop(actor);
        await ExpectFlowAsync("aroundPostStop>", "postStop", "aroundPostStop<");
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task ActorLifecycleWithTimerAssert()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Flow(TestActor, "")));
        await ExpectFlowAsync(Start);
        actor.Tell("timer");
        await ExpectMsgAsync("timers: message");
        actor.Tell("crash");

        // The timer is seen once more, where the engine has not yet had its turn.
        await ExpectFlowAsync(
            "aroundPreRestart> message", "preRestart>", "postStop", "preRestart<", "aroundPreRestart<",
            "aroundPostRestart>", "postRestart>", "preStart", "postRestart<", "aroundPostRestart<");
        actor.Tell("timers?");
        await ExpectMsgAsync("timers: ");
        Sys.Stop(actor);
        await ExpectFlowAsync("aroundPostStop>", "postStop", "aroundPostStop<");
    }

    [Fact]
    public async Task ActorLifecycleWithAroundPreStartAndPreRestartTimerAssert()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Flow(TestActor, "aroundPreRestart> preRestart>")));
        await ExpectFlowAsync(Start);
        actor.Tell("crash");

        // What is started before the engine's turn is cancelled in it; what is started in PreRestart dies with the instance.
        await ExpectFlowAsync(
            "aroundPreRestart>", "preRestart>", "postStop preRestart>", "preRestart< preRestart>", "aroundPreRestart<",
            "aroundPostRestart>", "postRestart>", "preStart", "postRestart<", "aroundPostRestart<");
        actor.Tell("timers?");
        await ExpectMsgAsync("timers: ");
        Sys.Stop(actor);
        await ExpectFlowAsync("aroundPostStop>", "postStop", "aroundPostStop<");
    }

    [Fact]
    public async Task ActorLifecycleWithAroundPostStartAndPostRestartTimerAssert()
    {
        const string All = "aroundPostRestart> postRestart> postRestart< aroundPostRestart<";
        var actor = Sys.ActorOf(Props.Create(() => new Flow(TestActor, All)));
        await ExpectFlowAsync(Start);
        actor.Tell("crash");
        await ExpectFlowAsync(
            "aroundPreRestart>", "preRestart>", "postStop", "preRestart<", "aroundPreRestart<",
            "aroundPostRestart>", "postRestart> aroundPostRestart>", "preStart aroundPostRestart> postRestart>",
            "postRestart< aroundPostRestart> postRestart>", "aroundPostRestart< aroundPostRestart> postRestart> postRestart<");
        actor.Tell("timers?");
        await ExpectMsgAsync($"timers: {All}");
        Sys.Stop(actor);
        await ExpectFlowAsync($"aroundPostStop> {All}", "postStop", "aroundPostStop<");
    }

    async Task ExpectFlowAsync(params string[] expected)
    {
        foreach (var hook in expected)
            await ExpectMsgAsync(hook);
    }

    /// <summary>
    /// Tells of every hook, <c>&gt;</c> before its base and <c>&lt;</c> after it, and starts a timer in those that are named.
    /// </summary>
    sealed class Flow(IActorRef probe, string timersIn) : UntypedActor, IWithTimers
    {
        readonly string[] _timersIn = timersIn.Split(' ');

        public ITimerScheduler Timers { get; set; } = null!;

        string Active => string.Join(' ', Timers.ActiveTimers);

        public override void AroundPreStart()
        {
            Tell("aroundPreStart>");
            base.AroundPreStart();
            Tell("aroundPreStart<");
        }

        public override void AroundPreRestart(Exception cause, object? message)
        {
            Tell("aroundPreRestart>");
            base.AroundPreRestart(cause, message!);
            Tell("aroundPreRestart<");
        }

        public override void AroundPostRestart(Exception cause, object? message)
        {
            Tell("aroundPostRestart>");
            base.AroundPostRestart(cause, message!);
            Tell("aroundPostRestart<");
        }

        public override void AroundPostStop()
        {
            Tell("aroundPostStop>");
            base.AroundPostStop();
            Tell("aroundPostStop<");
        }

        protected override void PreStart() => Tell("preStart");

        protected override void PostStop() => Tell("postStop");

        protected override void PreRestart(Exception reason, object? message)
        {
            Tell("preRestart>");
            base.PreRestart(reason, message!);
            Tell("preRestart<");
        }

        protected override void PostRestart(Exception reason)
        {
            Tell("postRestart>");
            base.PostRestart(reason);
            Tell("postRestart<");
        }

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case "crash":
                    throw new ExpectedException();
                case "timer":
                    StartTimer("message");
                    probe.Tell($"timers: {Active}");
                    break;
                case "timers?":
                    probe.Tell($"timers: {Active}");
                    break;
                default:
                    Unhandled(message);
                    break;
            }
        }

        void Tell(string hook)
        {
            probe.Tell($"{hook} {Active}".TrimEnd());
            if (_timersIn.Contains(hook))
                StartTimer(hook);
        }

        void StartTimer(string key) => Timers.StartSingleTimer(key, "never", TimeSpan.FromHours(1));
    }
}
