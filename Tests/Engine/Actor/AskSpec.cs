namespace Mesh.Tests.Engine;

public sealed class AskSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    readonly IActorRef _actor;
    readonly TestProbe _deadLetters;

    public AskSpec()
    {
        _deadLetters = CreateTestProbe();
        Sys.EventStream.Subscribe(_deadLetters.Ref, typeof(DeadLetter));
        _actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("answer", () => script.Sender.Tell("answer"));
            script.On("null", () => script.Sender.Tell(null!));
            script.On("twice", () =>
            {
                script.Sender.Tell("first");
                script.Sender.Tell("second");
            });
            script.On("fail", () => script.Sender.Tell(new Status.Failure(new ExpectedException())));
            script.On("hand over", () => TestActor.Tell(script.Sender));
            script.On("silence", () => { });
        }));
    }

    [Fact]
    public async Task Can_Ask_Response_actor() => Assert.Equal("answer", await _actor.Ask<string>("answer"));

    [Fact]
    public async Task Can_Ask_actor() => Assert.Equal("answer", await _actor.Ask("answer"));

    [Fact]
    public async Task Can_Ask_actor_with_timeout() => Assert.Equal("answer", await _actor.Ask<string>("answer", Patience));

    [Fact]
    public async Task Can_get_timeout_when_asking_actor() =>
        await Assert.ThrowsAsync<AskTimeoutException>(() => _actor.Ask<string>("silence", TimeSpan.FromMilliseconds(10)));

    [Fact]
    public async Task Ask_should_put_timeout_answer_into_deadletter()
    {
        var task = _actor.Ask<string>("hand over", TimeSpan.FromMilliseconds(10));
        var temporary = await ExpectMsgAsync<IActorRef>();
        await Assert.ThrowsAsync<AskTimeoutException>(() => task);
        temporary.Tell("late", ActorRefs.NoSender);
        await _deadLetters.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("late", letter.Message));
    }

    [Fact]
    public async Task Ask_should_put_too_many_answers_into_deadletter()
    {
        Assert.Equal("first", await _actor.Ask<string>("twice", Patience));
        await _deadLetters.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("second", letter.Message));
    }

    [Fact]
    public async Task Ask_should_not_put_canceled_answer_into_deadletter()
    {
        using var source = new CancellationTokenSource();
        var task = _actor.Ask<string>("hand over", Patience, source.Token);
        var temporary = await ExpectMsgAsync<IActorRef>();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        temporary.Tell("late", ActorRefs.NoSender);
        await _deadLetters.ExpectNoMsgAsync();
    }

    [Fact]
    public async Task Ask_should_put_invalid_answer_into_deadletter()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => _actor.Ask<int>("answer", Patience));
        await _deadLetters.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("answer", letter.Message));
    }

    [Fact]
    public async Task ShouldFailWhenAskExpectsWrongType() =>
        await Assert.ThrowsAsync<ArgumentException>(() => _actor.Ask<int>("answer", Patience));

    [Fact]
    public async Task A_Status_Failure_faults_with_its_cause() =>
        await Assert.ThrowsAsync<ExpectedException>(() => _actor.Ask<string>("fail", Patience));

    [Fact]
    public async Task Can_cancel_when_asking_actor()
    {
        using var source = new CancellationTokenSource();
        var task = _actor.Ask<string>("silence", Patience, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        Assert.True(task.IsCanceled);
    }

    [Theory(DisplayName = "Temporary references are removed")]
    [InlineData("Cancelled_ask_with_null_timeout_should_remove_temp_actor")]
    [InlineData("Cancelled_ask_with_timeout_should_remove_temp_actor")]
    [InlineData("AskTimeout_with_default_timeout_should_remove_temp_actor")]
    [InlineData("An answered ask")]
    public async Task Ask_should_remove_temp_actor(string how)
    {
        using var source = new CancellationTokenSource();
        var answered = how == "An answered ask";
        var task = how switch
        {
            "Cancelled_ask_with_null_timeout_should_remove_temp_actor" => _actor.Ask<string>("hand over", null, source.Token),
            "Cancelled_ask_with_timeout_should_remove_temp_actor" => _actor.Ask<string>("hand over", Patience, source.Token),
            "AskTimeout_with_default_timeout_should_remove_temp_actor" =>
                _actor.Ask<string>("hand over", TimeSpan.FromMilliseconds(10)),
            _ => _actor.Ask<string>("hand over", Patience),
        };
        var temporary = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(temporary);
        if (answered)
            temporary.Tell("answer");
        else
            await source.CancelAsync();
        await ExpectTerminatedAsync(temporary);
        await Record.ExceptionAsync(() => task);
        // Also for one who comes later.
        await WatchAsync(temporary);
        await ExpectTerminatedAsync(temporary);
    }

    [Fact]
    public async Task Bugfix5204_should_allow_null_response_without_error() =>
        Assert.Null(await _actor.Ask<string>("null", Patience));

    [Fact]
    public async Task The_message_can_carry_the_temporary_reference()
    {
        var echo = Sys.ActorOf(Scripted.Props(script => script.On<IActorRef>(reference => reference.Tell("via message"))));
        Assert.Equal("via message", await echo.Ask<string>(sender => sender, Patience, CancellationToken.None));
    }

    [Fact]
    public async Task Can_Ask_actor_inside_receive_loop()
    {
        var asking = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(async _ =>
        {
            var sender = script.Sender;
            sender.Tell(await _actor.Ask<string>("answer", Patience));
        })));
        asking.Tell("go");
        await ExpectMsgAsync("answer");
    }

    [Fact]
    public async Task Can_Ask_with_a_token_alone()
    {
        using var source = new CancellationTokenSource();
        Assert.Equal("answer", await _actor.Ask<string>("answer", source.Token));
        Assert.Equal("answer", await _actor.Ask("answer", source.Token));
        Assert.Equal("answer", await _actor.Ask("answer", Patience, source.Token));
        var task = _actor.Ask<string>("silence", source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
    }

    [Fact]
    public async Task AskDoesNotDeadlockWhenWaitForResultInGuiApplication()
    {
        // What a user interface does: everything posted waits for this thread, which waits for the answer.
        var waiting = Task.Factory.StartNew(
            () =>
            {
                SynchronizationContext.SetSynchronizationContext(new NeverRuns());
                try
                {
                    return _actor.Ask<string>("answer", Patience).GetAwaiter().GetResult();
                }
                finally
                {
                    SynchronizationContext.SetSynchronizationContext(null);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        Assert.Equal("answer", await waiting.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task An_ask_of_an_actor_that_is_no_more_times_out_and_its_message_is_a_dead_letter()
    {
        await _actor.GracefulStop(Patience);
        await Assert.ThrowsAsync<AskTimeoutException>(() => _actor.Ask<string>("anyone?", TimeSpan.FromMilliseconds(10)));
        await _deadLetters.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("anyone?", letter.Message));
    }

    [Fact]
    public async Task Continuations_do_not_run_on_the_answering_actor()
    {
        var answering = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("first", () => script.Sender.Tell("answer"));
            script.On("second", () => script.Sender.Tell("answer"));
        }));
        // A continuation that blocks would keep the actor from answering.
        var blocked = answering.Ask<string>("first", Patience).ContinueWith(
            _ => answering.Ask<string>("second", Patience).GetAwaiter().GetResult(),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        Assert.Equal("answer", await blocked.WaitAsync(Patience));
    }

    sealed class NeverRuns : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) { }
    }
}

public sealed class AskTimeoutSpec() : TestKit("akka.actor.ask-timeout = 50ms")
{
    [Fact]
    public async Task Ask_should_honor_config_specified_timeout()
    {
        var actor = Sys.ActorOf(Props.Empty);
        await Assert.ThrowsAsync<AskTimeoutException>(() => actor.Ask<string>("anyone?"));
        await Assert.ThrowsAsync<AskTimeoutException>(() => actor.Ask("anyone?", CancellationToken.None));
    }

    [Fact]
    public async Task An_explicit_timeout_goes_before_the_configured_one()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.On<IActorRef>(_ => TestActor.Tell(script.Sender))));
        var task = actor.Ask<string>(TestActor, Timeout.InfiniteTimeSpan);
        var temporary = await ExpectMsgAsync<IActorRef>();
        // Longer than the configured time.
        await ExpectNoMsgAsync(150);
        Assert.False(task.IsCompleted);
        temporary.Tell("answer");
        Assert.Equal("answer", await task);
    }

    [Fact]
    public async Task AskTimeout_with_default_timeout_should_remove_temp_actor()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => TestActor.Tell(script.Sender))));
        var task = actor.Ask<string>("hand over");
        var temporary = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(temporary);
        await Assert.ThrowsAsync<AskTimeoutException>(() => task);
        await ExpectTerminatedAsync(temporary);
    }
}
