namespace Mesh.Tests.Engine;

public sealed class SupervisorHierarchySpec : TestKit
{
    [Fact]
    public async Task A_supervisor_hierarchy_must_Restart_Manager_And_Workers_In_AllForOne()
    {
        var boss = Sys.ActorOf(Props.Create(() => new Supervisor(new OneForOneStrategy(_ => Directive.Restart))), "boss");
        var manager = await SpawnAsync(boss, RestartReporter(new AllForOneStrategy(_ => Directive.Escalate)), "manager");
        var workers = new List<IActorRef>();
        foreach (var name in new[] { "worker1", "worker2", "worker3" })
            workers.Add(await SpawnAsync(manager, RestartReporter(null), name));

        await EventFilter.Exception<ActorKilledException>().ExpectOneAsync(async () =>
        {
            workers[0].Tell(Kill.Instance);
            var restarted = await ReceiveNAsync(4).Select(message => (string)message).ToArrayAsync();
            Assert.Equal(["manager", "worker1", "worker2", "worker3"], restarted.Order());
        });
    }

    [Fact]
    public async Task A_supervisor_must_send_notifications_to_supervisor_when_permanent_failure()
    {
        var boss = Sys.ActorOf(Scripted.Props(script =>
        {
            var crasher = script.Context.ActorOf(RestartReporter(null), "crasher");
            script.Context.Watch(crasher);
            script.Strategy = new OneForOneStrategy(1, TimeSpan.FromSeconds(5), _ => Directive.Restart);
            script.On("killCrasher", () => crasher.Tell(Kill.Instance));
            script.On<Terminated>(_ => TestActor.Tell("stopped"));
        }));
        await EventFilter.Exception<ActorKilledException>().ExpectAsync(2, () =>
        {
            boss.Tell("killCrasher");
            boss.Tell("killCrasher");
            return Task.CompletedTask;
        });
        await ExpectMsgAsync("crasher");
        await ExpectMsgAsync("stopped");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_supervisor_hierarchy_must_resume_children_after_Resume(bool asynchronous)
    {
        var boss = Sys.ActorOf(Resumer(asynchronous));
        var middle = await boss.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        var worker = await middle.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        worker.Tell("ping");
        await ExpectMsgAsync("pong");
        await EventFilter.Warning("expected").ExpectOneAsync(() =>
        {
            middle.Tell("fail");
            return Task.CompletedTask;
        });
        middle.Tell("ping");
        await ExpectMsgAsync("pong");
        worker.Tell("ping");
        await ExpectMsgAsync("pong");
    }

    [Fact]
    public async Task A_supervisor_hierarchy_must_suspend_children_while_failing()
    {
        using var deciding = new ManualResetEventSlim();
        using var decide = new ManualResetEventSlim();
        var slowResumer = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Strategy = new OneForOneStrategy(_ =>
            {
                deciding.Set();
                Assert.True(decide.Wait(TimeSpan.FromSeconds(5)));
                return Directive.Resume;
            });
            script.On("spawn", () => script.Sender.Tell(script.Context.ActorOf(Resumer(false))));
        }));
        var boss = await slowResumer.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        var middle = await boss.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        var worker = await middle.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        worker.Tell("ping");
        await ExpectMsgAsync("pong");

        boss.Tell("fail");
        Assert.True(deciding.Wait(TimeSpan.FromSeconds(5)));
        // The worker is suspended by way of the middle, so that one hop may still be under way.
        var answered = true;
        await AwaitConditionAsync(async () =>
        {
            try
            {
                await worker.Ask<string>("ping", TimeSpan.FromMilliseconds(200));
            }
            catch (AskTimeoutException)
            {
                answered = false;
            }
            return !answered;
        });
        worker.Tell("ping");
        await ExpectNoMsgAsync();
        decide.Set();
        await ExpectMsgAsync("pong");
    }

    [Fact]
    public async Task A_supervisor_hierarchy_must_handle_failure_in_creation_when_supervision_strategy_returns_Resume_and_Restart()
    {
        var attempts = 0;
        var preStarts = 0;
        var postRestarts = 0;
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Strategy = new OneForOneStrategy(cause => cause is ActorInitializationException
                ? Volatile.Read(ref attempts) % 2 == 0 ? Directive.Resume : Directive.Restart
                : Directive.Escalate);
            var failing = script.Context.ActorOf(
                Scripted.Props(child =>
                {
                    var attempt = Interlocked.Increment(ref attempts);
                    if (attempt <= 6 && attempt % 3 == 0)
                        child.Context.ActorOf(Props.Empty, $"working{attempt}");
                    if (attempt < 6)
                        throw new ExpectedException("OH NO!");
                    child.OnPreStart = () => Interlocked.Increment(ref preStarts);
                    child.OnPostRestart = _ => Interlocked.Increment(ref postRestarts);
                    child.OnAny(message => child.Sender.Tell(message));
                }),
                "failing");
            script.OnAny(failing.Forward);
        }));
        parent.Tell("Meatballs");
        await ExpectMsgAsync("Meatballs");
        Assert.Equal(6, attempts);
        Assert.Equal(1, preStarts);
        Assert.Equal(0, postRestarts);
    }

    [Fact]
    public async Task Escalate_rethrows_in_the_parent_all_the_way_up()
    {
        var top = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Strategy = new OneForOneStrategy(cause =>
            {
                TestActor.Tell(cause.Message);
                return Directive.Stop;
            });
            script.On("spawn", () =>
            {
                var child = script.Context.ActorOf(Escalator(), "second");
                script.Context.Watch(child);
                script.Sender.Tell(child);
            });
            script.On<Terminated>(terminated => TestActor.Tell(terminated.ActorRef.Path.Name));
        }));
        var second = await top.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        var third = await second.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        var fourth = await third.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        await WatchAsync(fourth);
        fourth.Tell("fail");
        await ExpectMsgAsync("expected");
        // From two senders, so in no order.
        var ends = new[] { await ExpectMsgAsync<object>(), await ExpectMsgAsync<object>() };
        Assert.Contains("second", ends);
        Assert.Equal(fourth, Assert.Single(ends.OfType<Terminated>()).ActorRef);
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task Escalate_restarts_the_parent_and_stops_the_children_by_default()
    {
        var top = Sys.ActorOf(Props.Create(() => new Supervisor(new OneForOneStrategy(_ => Directive.Restart))));
        var middle = await SpawnAsync(
            top,
            Scripted.Props(script =>
            {
                script.Strategy = new OneForOneStrategy(_ => Directive.Escalate);
                script.On("spawn", () => script.Sender.Tell(script.Context.ActorOf(Escalator())));
                script.On("ping", () => script.Sender.Tell("pong"));
            }),
            "middle");
        var child = await middle.Ask<IActorRef>("spawn", TimeSpan.FromSeconds(3));
        await WatchAsync(child);
        child.Tell("fail");
        await ExpectTerminatedAsync(child);
        middle.Tell("ping");
        await ExpectMsgAsync("pong");
    }

    [Fact]
    public async Task A_child_that_is_stopped_while_it_fails_is_not_restarted()
    {
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("go", () =>
            {
                var child = script.Context.ActorOf(RestartReporter(null), "child");
                script.Context.Watch(child);
                child.Tell(Kill.Instance);
                script.Context.Stop(child);
            });
            script.On<Terminated>(_ => TestActor.Tell("stopped"));
        }));
        parent.Tell("go");
        await ExpectMsgAsync("stopped");
        await ExpectNoMsgAsync();
    }

    Props RestartReporter(SupervisorStrategy? strategy) => Scripted.Props(script =>
    {
        script.Strategy = strategy;
        script.OnPreRestart = (_, _) => { };
        script.OnPostRestart = _ => TestActor.Tell(script.Self.Path.Name);
        script.On<NamedProps>(named => script.Sender.Tell(script.Context.ActorOf(named.Props, named.Name)));
    });

    static Props Resumer(bool asynchronous) => Scripted.Props(script =>
    {
        script.Strategy = new OneForOneStrategy(_ => Directive.Resume);
        void Handle(string message)
        {
            if (message == "fail")
                throw new ExpectedException();
            script.Sender.Tell(message == "spawn" ? script.Context.ActorOf(Resumer(asynchronous)) : "pong");
        }
        if (asynchronous)
        {
            script.OnAsync<string>(async message =>
            {
                await Task.Delay(1);
                Handle(message);
            });
        }
        else
        {
            script.On<string>(Handle);
        }
    });

    static Props Escalator() => Scripted.Props(script =>
    {
        script.Strategy = new OneForOneStrategy(_ => Directive.Escalate);
        script.On("spawn", () => script.Sender.Tell(script.Context.ActorOf(Escalator())));
        script.On("fail", () => throw new ExpectedException());
    });

    static Task<IActorRef> SpawnAsync(IActorRef parent, Props props, string name) =>
        parent.Ask<IActorRef>(new NamedProps(props, name), TimeSpan.FromSeconds(3));
}
