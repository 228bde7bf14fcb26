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
