namespace Mesh.Tests.Engine;

public sealed class PipeToSupportSpec : TestKit
{
    readonly TaskCompletionSource<string> _source = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_by_default_send_task_result_as_message(bool valueTask)
    {
        var piped = valueTask ? new ValueTask<string>(_source.Task).PipeTo(TestActor) : _source.Task.PipeTo(TestActor);
        _source.SetResult("Hello");
        await ExpectMsgAsync("Hello");
        Assert.Equal(Sys.DeadLetters, LastSender);
        await piped;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_immediately_PipeTo_completed_Task(bool valueTask)
    {
        _ = valueTask ? new ValueTask<string>("foo").PipeTo(TestActor) : Task.FromResult("foo").PipeTo(TestActor);
        await ExpectMsgAsync("foo");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_by_default_not_send_a_success_message_if_the_task_does_not_produce_a_result(bool valueTask)
    {
        await (valueTask ? default(ValueTask).PipeTo(TestActor) : Task.CompletedTask.PipeTo(TestActor));
        await ExpectNoMsgAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_by_default_send_task_exception_as_status_failure_message(bool valueTask)
    {
        _ = valueTask ? new ValueTask<string>(_source.Task).PipeTo(TestActor) : _source.Task.PipeTo(TestActor);
        _ = valueTask ? new ValueTask(_source.Task).PipeTo(TestActor) : ((Task)_source.Task).PipeTo(TestActor);
        _source.SetException(new ExpectedException("Boom"));
        await ExpectMsgAsync<Status.Failure>(failure => Assert.Equal("Boom", failure.Cause.Message));
        await ExpectMsgAsync<Status.Failure>(failure => Assert.Equal("Boom", failure.Cause.Message));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_use_success_handling_to_transform_task_result(bool valueTask)
    {
        _ = valueTask
            ? new ValueTask<string>(_source.Task).PipeTo(TestActor, success: text => $"Hello {text}")
            : _source.Task.PipeTo(TestActor, success: text => $"Hello {text}");
        _ = valueTask
            ? new ValueTask(_source.Task).PipeTo(TestActor, success: () => "Hello")
            : ((Task)_source.Task).PipeTo(TestActor, success: () => "Hello");
        _source.SetResult("World");
        var got = await ReceiveNAsync(2).Select(message => (string)message).ToListAsync();
        Assert.Equal(["Hello", "Hello World"], got.Order());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_use_failure_handling_to_transform_task_exception(bool valueTask)
    {
        _ = valueTask
            ? new ValueTask<string>(_source.Task).PipeTo(TestActor, failure: cause => $"Such a {cause.Message}")
            : _source.Task.PipeTo(TestActor, failure: cause => $"Such a {cause.Message}");
        _source.SetException(new ExpectedException("failure"));
        await ExpectMsgAsync("Such a failure");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_sender_may_be_given_and_the_outcome_is_the_pipes_own(bool fails)
    {
        var probe = CreateTestProbe();
        var piped = _source.Task.PipeTo(TestActor, probe);
        if (fails)
            _source.SetException(new ExpectedException());
        else
            _source.SetResult("Hello");
        await ReceiveOneAsync();
        Assert.Equal(probe.Ref, LastSender);
        // Also what failed was sent, so the pipe did its work.
        await piped;
    }

    [Fact]
    public async Task Whatever_can_be_told_can_be_piped_to_and_scheduled_for()
    {
        var listener = new Listener(TestActor);
        await Task.FromResult("piped").PipeTo(listener);
        await ExpectMsgAsync("listened: piped");
        Sys.Scheduler.ScheduleTellOnce(TimeSpan.Zero, listener, "scheduled", ActorRefs.NoSender);
        await ExpectMsgAsync("listened: scheduled");
    }

    [Fact]
    public async Task A_cancelled_task_is_a_failure()
    {
        _ = _source.Task.PipeTo(TestActor);
        _source.SetCanceled();
        await ExpectMsgAsync<Status.Failure>(failure => Assert.IsType<TaskCanceledException>(failure.Cause));
    }

    sealed class Listener(IActorRef probe) : ICanTell
    {
        public void Tell(object message, IActorRef? sender) => probe.Tell($"listened: {message}");
    }
}

public sealed class WatchAsyncSpecs : TestKit
{
    [Fact]
    public async Task WatchAsync_should_return_true_when_actor_is_terminated()
    {
        var actor = Sys.ActorOf(Props.Empty);
        var watching = actor.WatchAsync();
        Assert.False(watching.IsCompleted);
        Sys.Stop(actor);
        Assert.True(await watching.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task WatchAsync_should_return_true_when_actor_is_already_terminated()
    {
        var actor = Sys.ActorOf(Props.Empty);
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        Assert.True(await actor.WatchAsync().WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task WatchAsync_should_return_false_when_cancelled()
    {
        using var source = new CancellationTokenSource();
        var actor = Sys.ActorOf(Props.Empty);
        var watching = actor.WatchAsync(source.Token);
        await source.CancelAsync();
        Assert.False(await watching);
        // The actor is none the worse.
        Assert.Equal(actor, (await actor.Ask<ActorIdentity>(new Identify(1), TimeSpan.FromSeconds(3))).Subject);
    }
}

public sealed class GracefulStopSpecs : TestKit
{
    [Fact]
    public async Task GracefulStopShouldTerminateOnTime()
    {
        var actor = Sys.ActorOf(Props.Empty);
        Assert.True(await actor.GracefulStop(TimeSpan.FromSeconds(3)));
        Assert.True(await actor.WatchAsync());
    }

    [Fact]
    public async Task GracefulStopShouldReturnTrueForAlreadyDeadActor()
    {
        var actor = Sys.ActorOf(Props.Empty);
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        Assert.True(await actor.GracefulStop(TimeSpan.FromSeconds(3)));
    }

    [Fact]
    public async Task GracefulStopShouldThrowIfShutdownGoesOvertime_which_by_now_means_that_it_returns_false()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => { })));
        Assert.False(await actor.GracefulStop(TimeSpan.FromMilliseconds(50), "ignored"));
    }

    [Fact]
    public async Task WatchAsync_gives_up_with_its_token()
    {
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        Assert.False(await Sys.ActorOf(Props.Empty).WatchAsync(source.Token));
    }
}
