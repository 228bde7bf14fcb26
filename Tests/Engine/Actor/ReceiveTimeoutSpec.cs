namespace Mesh.Tests.Engine;

public sealed class ReceiveTimeoutSpec() : TestKit("akka.scheduler.implementation = \"TestScheduler\"")
{
    static readonly TimeSpan Span = TimeSpan.FromSeconds(10);

    TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task An_actor_with_receive_timeout_must_get_timeout()
    {
        await StartAsync(Span);
        Time.Advance(Span - TimeSpan.FromTicks(1));
        await ExpectNoMsgAsync(50);
        Time.Advance(TimeSpan.FromTicks(1));
        await ExpectMsgAsync("timeout");
    }

    [Fact]
    public async Task The_timeout_comes_again_as_long_as_nothing_else_does()
    {
        var actor = await StartAsync(Span);
        for (var round = 0; round < 3; round++)
        {
            Time.Advance(Span);
            await ExpectMsgAsync("timeout");
            await SettleAsync(actor);
        }
    }

    [Fact]
    public async Task An_actor_with_receive_timeout_must_reschedule_timeout_after_regular_receive()
    {
        var actor = await StartAsync(Span);
        Time.Advance(Span / 2);
        actor.Tell("tick");
        await ExpectMsgAsync("tick");
        await SettleAsync(actor);
        Time.Advance(Span / 2);
        await ExpectNoMsgAsync(50);
        Time.Advance(Span / 2);
        await ExpectMsgAsync("timeout");
    }

    [Fact]
    public async Task An_actor_with_receive_timeout_must_be_able_to_turn_off_timeout_if_desired()
    {
        var actor = await StartAsync(Span);
        actor.Tell("off");
        await ExpectMsgAsync("off");
        await SettleAsync(actor);
        Time.Advance(Span * 5);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task An_actor_with_receive_timeout_must_not_receive_timeout_message_when_not_specified()
    {
        await StartAsync(null);
        Time.Advance(Span * 5);
        await ExpectNoMsgAsync(50);
    }

    [Theory]
    [InlineData("An_actor_with_receive_timeout_must_get_timeout_while_receiving_NotInfluenceReceiveTimeout_messages", false)]
    [InlineData("An_async_actor_with_receive_timeout_must_get_timeout_while_receiving_NotInfluenceReceiveTimeout_messages", true)]
    public async Task Marker_messages_do_not_push_the_timeout_back(string name, bool asynchronous)
    {
        var actor = await StartAsync(Span, asynchronous);
        for (var round = 0; round < 9; round++)
        {
            Time.Advance(Span / 10);
            actor.Tell(new Quiet());
            await ExpectMsgAsync("quiet");
            await SettleAsync(actor);
        }
        await ExpectNoMsgAsync(20);
        Time.Advance(Span / 10);
        await ExpectMsgAsync("timeout");
        Assert.Contains("NotInfluence", name);
    }

    [Fact]
    public async Task An_actor_with_receive_timeout_must_be_able_to_turn_on_timeout_in_NotInfluenceReceiveTimeout_message_handler()
    {
        var actor = await StartAsync(null);
        actor.Tell(new QuietOn());
        await ExpectMsgAsync("on");
        await SettleAsync(actor);
        Time.Advance(Span);
        await ExpectMsgAsync("timeout");
    }

    [Fact]
    public async Task An_actor_with_receive_timeout_must_be_able_to_turn_off_timeout_in_NotInfluenceReceiveTimeout_message_handler()
    {
        var actor = await StartAsync(Span);
        actor.Tell(new QuietOff());
        await ExpectMsgAsync("off");
        await SettleAsync(actor);
        Time.Advance(Span * 5);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Ticks_of_a_timer_push_the_timeout_back_unless_their_message_is_marked()
    {
        foreach (var (message, pushes) in new (object, bool)[] { ("loud", true), (new Quiet(), false) })
        {
            var actor = Sys.ActorOf(Scripted.Props(script =>
            {
                script.OnPreStart = () =>
                {
                    script.Context.SetReceiveTimeout(Span);
                    script.Timers.StartPeriodicTimer("T", message, Span * 0.6);
                };
                script.On<ReceiveTimeout>(_ => TestActor.Tell("timeout"));
                script.On<Settle>(_ => script.Sender.Tell(Done.Instance));
                script.OnAny(TestActor.Tell);
            }));
            await SettleAsync(actor);
            Time.Advance(Span * 0.6);
            await ExpectMsgAsync(message);
            await SettleAsync(actor);
            Time.Advance(Span * 0.4);
            if (pushes)
                await ExpectNoMsgAsync(50);
            else
                await ExpectMsgAsync("timeout");
            await WatchAsync(actor);
            Sys.Stop(actor);
            await ExpectTerminatedAsync(actor);
        }
    }

    [Fact]
    public async Task The_context_tells_the_timeout_that_is_set()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On<TimeSpan>(span => script.Context.SetReceiveTimeout(span));
            script.On("off", () => script.Context.SetReceiveTimeout(null));
            script.On("which?", () => script.Sender.Tell($"{script.Context.ReceiveTimeout}"));
        }));
        foreach (var (message, expected) in new (object, string)[] { (Span, "00:00:10"), (Span * 2, "00:00:20"), ("off", "") })
        {
            actor.Tell(message);
            actor.Tell("which?");
            await ExpectMsgAsync(expected);
        }
    }

    [Fact]
    public async Task Issue469_An_actor_with_receive_timeout_must_cancel_receive_timeout_when_terminated()
    {
        var probe = CreateTestProbe();
        Sys.EventStream.Subscribe(probe.Ref, typeof(AllDeadLetters));
        var actor = await StartAsync(Span);
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        Time.Advance(Span * 5);
        await probe.ExpectNoMsgAsync(50);
    }

    async Task<IActorRef> StartAsync(TimeSpan? timeout, bool asynchronous = false)
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreStart = () => script.Context.SetReceiveTimeout(timeout);
            void Handle(object message)
            {
                switch (message)
                {
                    case ReceiveTimeout:
                        TestActor.Tell("timeout");
                        break;
                    case QuietOn:
                        script.Context.SetReceiveTimeout(Span);
                        TestActor.Tell("on");
                        break;
                    case QuietOff or "off":
                        script.Context.SetReceiveTimeout(null);
                        TestActor.Tell("off");
                        break;
                    case Quiet:
                        TestActor.Tell("quiet");
                        break;
                    case Settle:
                        script.Sender.Tell(Done.Instance);
                        break;
                    default:
                        TestActor.Tell(message);
                        break;
                }
            }
            if (asynchronous)
            {
                script.OnAsync<object>(async message =>
                {
                    await Task.Delay(1);
                    Handle(message);
                });
            }
            else
            {
                script.OnAny(Handle);
            }
        }));
        await SettleAsync(actor);
        return actor;
    }

    // Twice: an answer is sent before the handler's turn, and what the cell does after it, is over.
    static async Task SettleAsync(IActorRef actor)
    {
        await actor.Ask<Done>(new Settle(), TimeSpan.FromSeconds(3));
        await actor.Ask<Done>(new Settle(), TimeSpan.FromSeconds(3));
    }

    sealed record Quiet : INotInfluenceReceiveTimeout;

    sealed record QuietOn : INotInfluenceReceiveTimeout;

    sealed record QuietOff : INotInfluenceReceiveTimeout;

    sealed record Settle : INotInfluenceReceiveTimeout;
}
