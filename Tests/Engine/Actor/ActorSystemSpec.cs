namespace Mesh.Tests.Engine;

public sealed class ActorSystemSpec
{
    static readonly Config Quiet = ConfigurationFactory.ParseString("akka.stdout-loglevel = OFF");
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("hallo_welt")]
    [InlineData("1-2")]
    public async Task Allow_valid_names(string name)
    {
        var system = ActorSystem.Create(name, Quiet);
        Assert.Equal(name, system.Name);
        await system.Terminate().WaitAsync(Patience);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-hallo")]
    [InlineData("_hallo")]
    [InlineData("hallo/welt")]
    [InlineData("hallo welt")]
    [InlineData("hällo")]
    public void Reject_invalid_names(string name) => Assert.Throws<ArgumentException>(() => ActorSystem.Create(name, Quiet));

    [Fact]
    public async Task Run_termination_callbacks_in_order()
    {
        var system = ActorSystem.Create("callbacks", Quiet);
        var order = new List<int>();
        for (var number = 0; number < 10; number++)
        {
            var mine = number;
            system.RegisterOnTermination(() => order.Add(mine));
        }
        await system.Terminate().WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 10).Reverse(), order);
    }

    [Fact]
    public async Task AwaitTermination_after_termination_callbacks()
    {
        var system = ActorSystem.Create("callbacks", Quiet);
        using var go = new ManualResetEventSlim();
        var ran = false;
        system.RegisterOnTermination(() => ran = go.Wait(Patience));
        var ended = system.Terminate();
        Assert.False(ended.IsCompleted);
        go.Set();
        await ended.WaitAsync(Patience);
        Assert.True(ran);
    }

    [Fact]
    public async Task Throw_exception_when_register_callback_after_shutdown()
    {
        var system = ActorSystem.Create("callbacks", Quiet);
        await system.Terminate().WaitAsync(Patience);
        Assert.Throws<InvalidOperationException>(() => system.RegisterOnTermination(() => { }));
    }

    [Fact]
    public async Task Reliably_create_waves_of_actors()
    {
        var system = ActorSystem.Create("waves", Quiet);
        var master = system.ActorOf(Scripted.Props(script =>
        {
            IActorRef asker = ActorRefs.Nobody;
            var left = 0;
            script.On<int>(count =>
            {
                asker = script.Sender;
                left = count;
                for (var number = 0; number < count; number++)
                {
                    var child = script.Context.ActorOf(Scripted.Props(each => each.OnAny(_ => each.Context.Stop(each.Self))));
                    script.Context.Watch(child);
                    child.Tell("stop");
                }
            });
            script.On<Terminated>(_ =>
            {
                if (--left == 0)
                    asker.Tell(script.Context.GetChildren().Count());
            });
        }));
        for (var wave = 0; wave < 3; wave++)
            Assert.Equal(0, await master.Ask<int>(10_000, Patience));
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task Find_actors_that_just_have_been_created()
    {
        var system = ActorSystem.Create("finding", Quiet);
        var asked = Enumerable.Range(0, 1_000).Select(number =>
        {
            var actor = system.ActorOf(Props.Empty, $"created-{number}");
            return (Actor: actor, Answer: actor.Ask<ActorIdentity>(new Identify(number), Patience));
        }).ToList();
        foreach (var (actor, answer) in asked)
            Assert.Equal(actor, (await answer).Subject);
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task WhenTerminated_is_done_at_the_end_and_not_before()
    {
        var system = ActorSystem.Create("waiting", Quiet);
        await Assert.ThrowsAsync<TimeoutException>(() => system.WhenTerminated.WaitAsync(TimeSpan.FromMilliseconds(20)));
        system.Dispose();
        await system.WhenTerminated.WaitAsync(Patience);
        // What comes too late is no harm.
        system.Dispose();
    }

    [Fact]
    public async Task A_termination_callback_that_throws_keeps_no_other_from_running()
    {
        using var kit = new TestKit();
        var order = new List<int>();
        kit.Sys.RegisterOnTermination(() => order.Add(1));
        kit.Sys.RegisterOnTermination(() => throw new ExpectedException("in a callback"));
        kit.Sys.RegisterOnTermination(() => order.Add(3));
        await kit.EventFilter.Exception<ExpectedException>("in a callback").ExpectOneAsync(() => kit.Sys.Terminate().WaitAsync(Patience));
        Assert.Equal([3, 1], order);
    }

    [Fact]
    public async Task ActorSystem_ActorOf_adds_a_child_to_Guardian()
    {
        var system = ActorSystem.Create("adding", Quiet);
        var actor = system.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Sender.Tell(script.Context.Parent.Path))), "child");
        Assert.Equal("/user/child", actor.Path.ToStringWithoutAddress());
        Assert.Equal(actor.Path.Parent, await actor.Ask<ActorPath>("parent", Patience));
        Assert.NotEqual(system.ActorOf(Props.Empty).Path, system.ActorOf(Props.Empty).Path);
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task Systems_contexts_and_test_kits_are_factories_alike()
    {
        using var kit = new TestKit();
        Assert.Equal("/user/of-the-system", Start(kit.Sys, "of-the-system"));
        Assert.Equal("/user/of-the-kit", Start(kit, "of-the-kit"));
        var actor = kit.Sys.ActorOf(
            Scripted.Props(script => script.OnAny(_ => script.Sender.Tell(Start(script.Context, "child")))), "parent");
        Assert.Equal("/user/parent/child", await actor.Ask<string>("start", Patience));

        static string Start(IActorRefFactory factory, string name) => factory.ActorOf<Idle>(name).Path.ToStringWithoutAddress();
    }

    [Fact]
    public async Task Actors_at_the_top_are_restarted_by_default_and_stopped_when_they_cannot_start()
    {
        var system = ActorSystem.Create("supervising", Quiet);
        var actor = system.ActorOf(Scripted.Props(script =>
        {
            script.On("fail", () => throw new ExpectedException());
            script.OnAny(message => script.Sender.Tell(message));
        }));
        actor.Tell("fail");
        Assert.Equal("hi", await actor.Ask<string>("hi", Patience));
        Assert.True(await system.ActorOf(Scripted.Props(_ => throw new ExpectedException())).WatchAsync().WaitAsync(Patience));
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task Reliable_deny_creation_of_actors_while_shutting_down()
    {
        var system = ActorSystem.Create("denying", Quiet);
        var created = 0;
        var terminating = Task.CompletedTask;
        var failing = false;
        while (!system.WhenTerminated.IsCompleted)
        {
            try
            {
                system.ActorOf(Props.Empty);
                Assert.False(failing, "An actor was started after one had been refused.");
                if (++created == 1000)
                    terminating = system.Terminate();
            }
            catch (InvalidOperationException)
            {
                failing = true;
                await Task.Yield();
            }
        }
        await terminating;
        // The system may end between two attempts, so the last word is asked for when it has.
        Assert.Throws<InvalidOperationException>(() => system.ActorOf(Props.Empty));
    }

    [Fact]
    public async Task All_actors_stop_children_first_and_those_of_the_program_before_those_of_the_system()
    {
        var system = ActorSystem.Create("ending", Quiet);
        var order = new List<string>();
        Props Recording(string name, Props? child) => Scripted.Props(script =>
        {
            if (child is not null)
                script.Context.ActorOf(child);
            script.OnPostStop = () =>
            {
                lock (order)
                    order.Add(name);
            };
        });
        ((ExtendedActorSystem)system).SystemActorOf(Recording("system", null));
        system.ActorOf(Recording("parent", Recording("child", Recording("grandchild", null))));
        await system.Terminate().WaitAsync(Patience);
        Assert.Equal(["grandchild", "child", "parent", "system"], order);
    }

    [Fact]
    public async Task A_system_with_nothing_scheduled_has_no_scheduler_thread_and_terminates_twice_without_harm()
    {
        var system = ActorSystem.Create("idle", Quiet);
        await Task.WhenAll(system.Terminate(), system.Terminate()).WaitAsync(Patience);
        Assert.True(system.WhenTerminated.IsCompletedSuccessfully);
    }

    sealed class Idle : UntypedActor
    {
        protected override void OnReceive(object message) { }
    }
}
