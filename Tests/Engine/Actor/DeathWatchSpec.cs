namespace Mesh.Tests.Engine;

public sealed class DeathWatchSpec : TestKit
{
    readonly IActorRef _terminal;

    public DeathWatchSpec() => _terminal = Sys.ActorOf(Props.Empty);

    [Fact]
    public async Task DeathWatch_must_notify_with_one_Terminated_message_when_an_Actor_is_already_terminated()
    {
        var first = await StartWatchingAsync(_terminal);
        _terminal.Tell(PoisonPill.Instance);
        await ExpectMsgAsync(("terminated", _terminal));
        await StartWatchingAsync(_terminal);
        await ExpectMsgAsync(("terminated", _terminal));
        await ExpectNoMsgAsync();
        Assert.NotEqual(_terminal, first);
    }

    [Fact]
    public async Task Bug209_any_user_messages_following_a_Terminate_message_should_be_forwarded_to_DeadLetterMailbox()
    {
        await WatchAsync(_terminal);
        Sys.EventStream.Subscribe(TestActor, typeof(DeadLetter));
        _terminal.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(_terminal);
        _terminal.Tell("too late");
        await ExpectMsgAsync<DeadLetter>(letter =>
        {
            Assert.Equal("too late", letter.Message);
            Assert.Equal(_terminal, letter.Recipient);
            Assert.Equal(TestActor, letter.Sender);
        });
    }

    [Fact]
    public async Task DeathWatch_must_notify_with_one_Terminated_message_when_actor_is_stopped()
    {
        var monitor = await StartWatchingAsync(_terminal);
        monitor.Tell("hello");
        await ExpectMsgAsync<(string, object)>(("other", "hello"));
        _terminal.Tell(PoisonPill.Instance);
        await ExpectMsgAsync(("terminated", _terminal));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task DeathWatch_must_notify_with_one_custom_termination_message_when_actor_is_stopped()
    {
        await StartAsync(script => script.Context.WatchWith(_terminal, "watchee terminated"));
        _terminal.Tell(PoisonPill.Instance);
        await ExpectMsgAsync<(string, object)>(("other", "watchee terminated"));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task DeathWatch_must_notify_with_all_monitors_with_one_Terminated_message_when_Actor_is_stopped()
    {
        for (var monitor = 0; monitor < 3; monitor++)
            await StartWatchingAsync(_terminal);
        _terminal.Tell(PoisonPill.Instance);
        for (var monitor = 0; monitor < 3; monitor++)
            await ExpectMsgAsync(("terminated", _terminal));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task DeathWatch_must_notify_with_current_monitors_with_one_Terminated_message_when_Actor_is_stopped()
    {
        await StartWatchingAsync(_terminal);
        await StartAsync(script =>
        {
            script.Context.Watch(_terminal);
            script.Context.Unwatch(_terminal);
        });
        await StartWatchingAsync(_terminal);
        _terminal.Tell(PoisonPill.Instance);
        await ExpectMsgAsync(("terminated", _terminal));
        await ExpectMsgAsync(("terminated", _terminal));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task DeathWatch_must_notify_with_a_Terminated_message_once_when_Actor_is_stopped_but_not_when_restarted() =>
        await EventFilter.Exception<ActorKilledException>().ExpectAsync(3, async () =>
        {
            var strategy = new OneForOneStrategy(2, TimeSpan.FromSeconds(10), _ => Directive.Restart);
            var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
            var terminal = await supervisor.Ask<IActorRef>(
                Scripted.Props(script => script.OnAny(message => script.Sender.Tell(message))), TimeSpan.FromSeconds(3));
            await StartWatchingAsync(terminal);
            terminal.Tell(Kill.Instance);
            terminal.Tell(Kill.Instance);
            Assert.Equal("foo", await terminal.Ask<string>("foo", TimeSpan.FromSeconds(3)));
            terminal.Tell(Kill.Instance);
            await ExpectMsgAsync(("terminated", terminal));
            await ExpectNoMsgAsync();
        });

    [Fact]
    public async Task DeathWatch_must_fail_a_monitor_which_doesnt_handle_Terminated()
    {
        var strategy = new OneForOneStrategy(cause =>
        {
            TestActor.Tell(cause.GetType());
            return Directive.Stop;
        });
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
        var failed = await supervisor.Ask<IActorRef>(Props.Empty, TimeSpan.FromSeconds(3));
        var brother = await supervisor.Ask<IActorRef>(
            Scripted.Props(script => script.OnPreStart = () => script.Context.Watch(failed)), TimeSpan.FromSeconds(3));
        await WatchAsync(brother);
        failed.Tell(Kill.Instance);
        await ExpectMsgAsync(typeof(ActorKilledException));
        await ExpectMsgAsync(typeof(DeathPactException));
        await ExpectTerminatedAsync(brother);
    }

    [Fact]
    public async Task DeathWatch_must_be_able_to_watch_child_with_the_same_name_after_the_old_one_died()
    {
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("knob", () =>
            {
                var kid = script.Context.ActorOf(Scripted.Props(child => child.OnAny(_ => child.Context.Stop(child.Self))), "kid");
                script.Context.Watch(kid);
                kid.Forward("knob");
            });
            script.On<Terminated>(_ => TestActor.Tell("bonk"));
        }));
        for (var round = 0; round < 10; round++)
        {
            parent.Tell("knob");
            await ExpectMsgAsync("bonk");
        }
    }

    [Fact]
    public async Task DeathWatch_must_notify_only_when_watching()
    {
        var monitor = await StartWatchingAsync(_terminal);
        monitor.Tell(new Terminated(TestActor, true, false));
        monitor.Tell("after");
        await ExpectMsgAsync<(string, object)>(("other", "after"));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task DeathWatch_must_discard_Terminated_when_unwatched_between_sysmsg_and_processing()
    {
        using var busy = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var watcher = await StartAsync(script =>
        {
            script.Context.Watch(_terminal);
            script.On("block", () =>
            {
                busy.Set();
                Assert.True(go.Wait(TimeSpan.FromSeconds(5)));
            });
            script.On("unwatch", () => script.Context.Unwatch(_terminal));
        });
        watcher.Tell("block");
        Assert.True(busy.Wait(TimeSpan.FromSeconds(5)));
        watcher.Tell("unwatch");
        await WatchAsync(_terminal);
        Sys.Stop(_terminal);
        await ExpectTerminatedAsync(_terminal);
        go.Set();
        watcher.Tell("after");
        await ExpectMsgAsync<(string, object)>(("other", "after"));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task Unwatch_swallows_a_Terminated_that_is_queued_already()
    {
        var watcher = await StartAsync(script =>
        {
            script.Context.Watch(_terminal);
            script.On("stop and unwatch", () =>
            {
                script.Context.Stop(_terminal);
                // System messages of this actor run between its messages, so the notice is in the mailbox by then.
                script.Self.Tell(new Action(() => script.Context.Unwatch(_terminal)));
            });
            script.On<Action>(action => action());
        });
        watcher.Tell("stop and unwatch");
        await WatchAsync(_terminal);
        await FishForMessageAsync(message => message is Terminated);
        watcher.Tell("after");
        await FishForMessageAsync(message => Equals(message, ("other", (object)"after")));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task A_second_WatchWith_on_the_same_subject_is_ignored()
    {
        await StartAsync(script =>
        {
            script.Context.WatchWith(_terminal, "first");
            script.Context.WatchWith(_terminal, "second");
            script.Context.Watch(_terminal);
        });
        Sys.Stop(_terminal);
        await ExpectMsgAsync<(string, object)>(("other", "first"));
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task Watching_twice_tells_once()
    {
        await StartAsync(script =>
        {
            script.Context.Watch(_terminal);
            script.Context.Watch(_terminal);
        });
        Sys.Stop(_terminal);
        await ExpectMsgAsync(("terminated", _terminal));
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Terminated_says_whether_the_subject_was_there_when_the_watch_came()
    {
        await WatchAsync(_terminal);
        Sys.Stop(_terminal);
        Assert.True((await ExpectTerminatedAsync(_terminal)).ExistenceConfirmed);
        await WatchAsync(_terminal);
        var late = await ExpectTerminatedAsync(_terminal);
        Assert.False(late.ExistenceConfirmed);
        Assert.False(late.AddressTerminated);
    }

    [Fact]
    public async Task A_watch_after_an_unwatch_counts_anew()
    {
        await StartAsync(script =>
        {
            script.Context.WatchWith(_terminal, "first");
            script.Context.Unwatch(_terminal);
            script.Context.WatchWith(_terminal, "second");
        });
        Sys.Stop(_terminal);
        await ExpectMsgAsync<(string, object)>(("other", "second"));
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task A_custom_message_does_not_fail_who_does_not_handle_it()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(UnhandledMessage));
        var watcher = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Context.WatchWith(_terminal, "unwanted");
            script.On("ping", () => script.Sender.Tell("pong"));
        }));
        Assert.Equal("pong", await watcher.Ask<string>("ping", TimeSpan.FromSeconds(3)));
        Sys.Stop(_terminal);
        await ExpectMsgAsync<UnhandledMessage>(unhandled => Assert.Equal("unwanted", unhandled.Message));
        Assert.Equal("pong", await watcher.Ask<string>("ping", TimeSpan.FromSeconds(3)));
    }

    [Fact]
    public async Task Terminated_comes_after_everything_that_the_deceased_sent()
    {
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("go", () =>
            {
                var talker = script.Context.ActorOf(Scripted.Props(child =>
                {
                    child.OnPreStart = () =>
                    {
                        for (var number = 0; number < 1000; number++)
                            child.Context.Parent.Tell(number);
                        child.Context.Stop(child.Self);
                    };
                }));
                script.Context.Watch(talker);
            });
            script.On<int>(number => TestActor.Tell(number));
            script.On<Terminated>(_ => TestActor.Tell("terminated"));
        }));
        parent.Tell("go");
        for (var number = 0; number < 1000; number++)
            await ExpectMsgAsync(number);
        await ExpectMsgAsync("terminated");
    }

    [Fact]
    public async Task Watching_oneself_is_ignored()
    {
        var actor = await StartAsync(script => script.Context.Watch(script.Self));
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        await ExpectNoMsgAsync();
    }

    Task<IActorRef> StartWatchingAsync(IActorRef subject) => StartAsync(script => script.Context.Watch(subject));

    async Task<IActorRef> StartAsync(Action<Scripted.Script> write)
    {
        var monitor = Sys.ActorOf(Scripted.Props(script =>
        {
            write(script);
            script.On<Terminated>(terminated => TestActor.Tell(("terminated", terminated.ActorRef)));
            script.On("started?", () => script.Sender.Tell("started"));
            script.OnAny(message => TestActor.Tell(("other", message)));
        }));
        await monitor.Ask<string>("started?", TimeSpan.FromSeconds(3));
        return monitor;
    }
}
