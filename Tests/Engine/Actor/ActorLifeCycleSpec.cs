namespace Mesh.Tests.Engine;

public sealed class ActorLifeCycleSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Fact(DisplayName = "Actor_lifecycle_test1: own restart hooks, and a fourth kill with three retries stops")]
    public async Task Actor_lifecycle_test1()
    {
        var generations = new Counter();
        var restarter = await StartAsync(Props.Create(() => new Reporter(TestActor, generations, true)));
        await ExpectMsgAsync(("preStart", 0));
        for (var generation = 0; generation < 3; generation++)
        {
            restarter.Tell(Kill.Instance);
            await ExpectMsgAsync(("preRestart", generation));
            await ExpectMsgAsync(("postRestart", generation + 1));
            restarter.Tell("status");
            await ExpectMsgAsync(("OK", generation + 1));
        }
        restarter.Tell(Kill.Instance);
        await ExpectMsgAsync(("postStop", 3));
        await ExpectNoMsgAsync();
    }

    [Fact(DisplayName = "Actor_lifecycle_test2: the default hooks run postStop, then preStart")]
    public async Task Actor_lifecycle_test2()
    {
        var generations = new Counter();
        var restarter = await StartAsync(Props.Create(() => new Reporter(TestActor, generations, false)));
        await ExpectMsgAsync(("preStart", 0));
        for (var generation = 0; generation < 3; generation++)
        {
            restarter.Tell(Kill.Instance);
            await ExpectMsgAsync(("postStop", generation));
            await ExpectMsgAsync(("preStart", generation + 1));
            restarter.Tell("status");
            await ExpectMsgAsync(("OK", generation + 1));
        }
        restarter.Tell(Kill.Instance);
        await ExpectMsgAsync(("postStop", 3));
        await ExpectNoMsgAsync();
    }

    [Fact(DisplayName = "Actor_lifecycle_test3: no restart hook on a plain stop")]
    public async Task Actor_lifecycle_test3()
    {
        var generations = new Counter();
        var restarter = await StartAsync(Props.Create(() => new Reporter(TestActor, generations, true)));
        await ExpectMsgAsync(("preStart", 0));
        Sys.Stop(restarter);
        await ExpectMsgAsync(("postStop", 0));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task Log_failures_in_PostStop()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnPostStop = () => throw new ExpectedException("hurrah")));
        await WatchAsync(actor);
        await EventFilter.Exception<ExpectedException>(message: "hurrah").ExpectOneAsync(() =>
        {
            actor.Tell(PoisonPill.Instance);
            return Task.CompletedTask;
        });
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task Clear_behavior_stack_upon_restart()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("become", () => script.BecomeStacked(other =>
            {
                other.On("fail", () => throw new ExpectedException("buh"));
                other.OnAny(_ => other.Sender.Tell(43));
            }));
            script.OnAny(_ => script.Sender.Tell(42));
        }));
        actor.Tell("hello");
        await ExpectMsgAsync(42);
        actor.Tell("become");
        actor.Tell("hello");
        await ExpectMsgAsync(43);
        await EventFilter.Exception<ExpectedException>("buh").ExpectOneAsync(() =>
        {
            actor.Tell("fail");
            return Task.CompletedTask;
        });
        actor.Tell("hello");
        await ExpectMsgAsync(42);
    }

    [Fact]
    public async Task Clear_child_upon_terminated()
    {
        var names = new[] { "Bob", "Jameson", "Natasha" };
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On<NamedProps>(named => script.Sender.Tell(script.Context.ActorOf(named.Props, named.Name)));
            script.On("count", () => script.Sender.Tell(script.Context.GetChildren().Count()));
        }));
        foreach (var name in names)
        {
            parent.Tell(new NamedProps(Props.Empty, name));
            await WatchAsync(await ExpectMsgAsync<IActorRef>());
        }
        parent.Tell("count");
        await ExpectMsgAsync(3);
        Sys.ActorOf(Props.Empty);
        var bob = await parent.Ask<IActorRef>(new NamedProps(Props.Empty, "Bob2"), Patience);
        await WatchAsync(bob);
        bob.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(bob);
        await AwaitAssertAsync(async () => Assert.Equal(3, await parent.Ask<int>("count", Patience)));
    }

    [Fact]
    public async Task Call_PreStart_with_correct_message_and_sender()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreStart = () => TestActor.Tell(("preStart", script.Sender));
            script.On("fail", () => throw new ExpectedException());
            script.OnPreRestart = (_, message) => TestActor.Tell((message, script.Sender));
        }));
        await ExpectMsgAsync(("preStart", Sys.DeadLetters));
        actor.Tell("fail");
        await ExpectMsgAsync<(object, IActorRef)>(("fail", TestActor));
    }

    [Fact]
    public async Task Dispose_the_old_instance_on_restart_and_on_stop()
    {
        var actor = Sys.ActorOf(Props.Create(() => new DisposableActor(TestActor)));
        actor.Tell("fail");
        await ExpectMsgAsync("disposed");
        Sys.Stop(actor);
        await ExpectMsgAsync("disposed");
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task A_throw_in_PreRestart_is_only_logged()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreRestart = (_, _) => throw new ExpectedException("in preRestart");
            script.On("fail", () => throw new ExpectedException());
            script.On("ping", () => script.Sender.Tell("pong"));
        }));
        await EventFilter.Exception<PreRestartException>().ExpectOneAsync(() =>
        {
            actor.Tell("fail");
            return Task.CompletedTask;
        });
        actor.Tell("ping");
        await ExpectMsgAsync("pong");
    }

    [Fact]
    public async Task A_throw_in_PostRestart_stops_by_default_with_PostRestartException()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPostRestart = _ => throw new ExpectedException("in postRestart");
            script.On("fail", () => throw new ExpectedException());
        }));
        await WatchAsync(actor);
        await EventFilter.Exception<PostRestartException>().ExpectOneAsync(() =>
        {
            actor.Tell("fail");
            return Task.CompletedTask;
        });
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task Constructor_arguments_are_evaluated_once_and_used_again_on_restart()
    {
        var evaluations = new Counter();
        var generations = new Counter();
        var actor = Sys.ActorOf(Props.Create(() => new Valued(TestActor, evaluations.Next(), generations)));
        await ExpectMsgAsync((0, 0));
        actor.Tell("fail");
        await ExpectMsgAsync((0, 1));
        actor.Tell("fail");
        await ExpectMsgAsync((0, 2));
        Assert.Equal(1, evaluations.Next());
    }

    [Fact]
    public void A_factory_that_is_not_a_plain_constructor_call_is_refused() =>
        Assert.Throws<ArgumentException>(() => Props.Create(() => Make()));

    [Fact]
    public async Task A_throwing_constructor_stops_by_default_and_reports_its_own_exception()
    {
        IActorRef actor = ActorRefs.Nobody;
        await EventFilter.Exception<ActorInitializationException>("from the constructor").ExpectOneAsync(() =>
        {
            actor = Sys.ActorOf(Props.Create<Throwing>("from the constructor"));
            return Task.CompletedTask;
        });
        await WatchAsync(actor);
        await ExpectTerminatedAsync(actor);
    }

    [Theory]
    [InlineData(Directive.Restart)]
    [InlineData(Directive.Resume)]
    public async Task A_constructor_that_throws_on_restart_is_tried_again_and_the_old_instance_ends_once(Directive directive)
    {
        var generations = new Counter();
        var strategy = new OneForOneStrategy(cause => cause is PostRestartException ? directive : Directive.Restart);
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
        var actor = await supervisor.Ask<IActorRef>(Props.Create(() => new Stumbling(TestActor, generations)), Patience);
        actor.Tell("fail");
        await ExpectMsgAsync("postStop 0");
        await ExpectMsgAsync("disposed 0");
        await ExpectMsgAsync("throwing 1");
        await ExpectMsgAsync("throwing 2");
        await ExpectMsgAsync("postRestart 3");
        actor.Tell("ping");
        await ExpectMsgAsync("pong 3");
        Sys.Stop(actor);
        await ExpectMsgAsync("postStop 3");
        await ExpectMsgAsync("disposed 3");
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task A_restart_waits_for_the_children_that_PreRestart_stops()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPostRestart = _ => TestActor.Tell("postRestart");
            var child = script.Context.Child("child");
            Assert.True(child.IsNobody());
            script.Context.ActorOf(Scripted.Props(each => each.OnPostStop = () => TestActor.Tell("child stopped")), "child");
            script.On("fail", () => throw new ExpectedException());
        }));
        for (var round = 0; round < 3; round++)
        {
            actor.Tell("fail");
            await ExpectMsgAsync("child stopped");
            await ExpectMsgAsync("postRestart");
        }
    }

    static Reporter Make() => throw new ExpectedException();

    async Task<IActorRef> StartAsync(Props props)
    {
        var strategy = new OneForOneStrategy(3, TimeSpan.FromSeconds(1000), _ => Directive.Restart);
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
        return await supervisor.Ask<IActorRef>(props, Patience);
    }

    sealed class Counter
    {
        int _next = -1;

        public int Next() => Interlocked.Increment(ref _next);
    }

    sealed class Reporter : UntypedActor
    {
        readonly IActorRef _probe;
        readonly int _generation;
        readonly bool _ownHooks;

        public Reporter(IActorRef probe, Counter generations, bool ownHooks)
        {
            _probe = probe;
            _generation = generations.Next();
            _ownHooks = ownHooks;
        }

        protected override void OnReceive(object message) => Report("OK");

        protected override void PreStart() => Report("preStart");

        protected override void PostStop() => Report("postStop");

        protected override void PreRestart(Exception reason, object? message)
        {
            if (_ownHooks)
                Report("preRestart");
            else
                base.PreRestart(reason, message!);
        }

        protected override void PostRestart(Exception reason)
        {
            if (_ownHooks)
                Report("postRestart");
            else
                base.PostRestart(reason);
        }

        void Report(string what) => _probe.Tell((what, _generation));
    }

    sealed class Stumbling : UntypedActor, IDisposable
    {
        readonly IActorRef _probe;
        readonly int _generation;

        public Stumbling(IActorRef probe, Counter generations)
        {
            _probe = probe;
            _generation = generations.Next();
            if (_generation is not (1 or 2))
                return;
            probe.Tell($"throwing {_generation}");
            throw new ExpectedException("in the constructor");
        }

        public void Dispose() => _probe.Tell($"disposed {_generation}");

        protected override void OnReceive(object message)
        {
            if (message is "fail")
                throw new ExpectedException();
            Sender.Tell($"pong {_generation}");
        }

        protected override void PostStop() => _probe.Tell($"postStop {_generation}");

        protected override void PostRestart(Exception reason) => _probe.Tell($"postRestart {_generation}");
    }

    sealed class DisposableActor(IActorRef probe) : UntypedActor, IDisposable
    {
        public void Dispose() => probe.Tell("disposed");

        protected override void OnReceive(object message) => throw new ExpectedException();
    }

    sealed class Valued : UntypedActor
    {
        public Valued(IActorRef probe, int value, Counter generations) => probe.Tell((value, generations.Next()));

        protected override void OnReceive(object message) => throw new ExpectedException();
    }

    sealed class Throwing : UntypedActor
    {
        public Throwing(string message) => throw new ExpectedException(message);

        protected override void OnReceive(object message) { }
    }
}
