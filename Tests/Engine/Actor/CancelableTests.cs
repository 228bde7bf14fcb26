namespace Mesh.Tests.Engine;

public sealed class CancelableTests() : TestKit("akka.scheduler.implementation = \"TestScheduler\"")
{
    TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public void Should_not_be_cancelled_initially()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        Assert.False(cancelable.IsCancellationRequested);
        Assert.False(cancelable.Token.IsCancellationRequested);
    }

    [Fact]
    public void When_cancel_has_been_called_Should_be_cancelled()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        var token = cancelable.Token;
        cancelable.Cancel();
        Assert.True(cancelable.IsCancellationRequested);
        Assert.True(token.IsCancellationRequested);
        Assert.True(cancelable.Token.IsCancellationRequested);
    }

    [Fact]
    public void Given_a_canceled_Cancelable_with_callback_Then_Cancel_should_be_possible_to_call_again_but_callbacks_should_not_be_called_again()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        var calls = 0;
        cancelable.Token.Register(() => calls++);
        cancelable.Cancel();
        cancelable.Cancel();
        cancelable.Cancel(true);
        Assert.Equal(1, calls);
    }

    [Fact]
    public void When_CancelTrue_is_called_Then_first_exception_should_prevent_rest_from_being_called()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        var others = 0;
        cancelable.Token.Register(() => others++);
        // The last one registered is the first to be called.
        cancelable.Token.Register(() => throw new ExpectedException());
        Assert.Throws<ExpectedException>(() => cancelable.Cancel(true));
        Assert.Equal(0, others);
        Assert.True(cancelable.IsCancellationRequested);
    }

    [Fact]
    public void When_CancelFalse_is_called_Then_first_exception_should_not_prevent_rest_from_being_called()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        var others = 0;
        cancelable.Token.Register(() => others++);
        cancelable.Token.Register(() => throw new ExpectedException());
        Assert.IsType<ExpectedException>(Assert.Throws<AggregateException>(() => cancelable.Cancel(false)).InnerException);
        Assert.Equal(1, others);
        Assert.True(cancelable.IsCancellationRequested);
    }

    [Fact]
    public void Should_be_possible_to_call_CancelAfterMs()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        cancelable.CancelAfter(1_000);
        CancelsAfterASecond(cancelable);
    }

    [Fact]
    public void Should_be_possible_to_call_CancelAfterTimespan()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        cancelable.CancelAfter(TimeSpan.FromSeconds(1));
        CancelsAfterASecond(cancelable);
    }

    [Fact]
    public void A_delay_can_be_given_at_once() => CancelsAfterASecond(new Cancelable(Sys.Scheduler, TimeSpan.FromSeconds(1)));

    [Fact]
    public void Once_disposed_of_it_cannot_be_cancelled()
    {
        var cancelable = new Cancelable(Sys.Scheduler);
        Assert.False(cancelable.IsDisposed);
        cancelable.Dispose();
        Assert.True(cancelable.IsDisposed);
        Assert.Throws<ObjectDisposedException>(cancelable.Cancel);
    }

    void CancelsAfterASecond(Cancelable cancelable)
    {
        Time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.False(cancelable.IsCancellationRequested);
        Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(cancelable.IsCancellationRequested);
        Assert.True(cancelable.Token.IsCancellationRequested);
    }
}

public sealed class AlreadyCancelledCancelableTests
{
    readonly ICancelable _cancelled = Cancelable.CreateCanceled();

    [Fact]
    public void Should_be_cancelled() => Assert.True(_cancelled.IsCancellationRequested);

    [Fact]
    public void CancellationToken_should_be_cancelled() => Assert.True(_cancelled.Token.IsCancellationRequested);

    [Fact]
    public void Should_be_possible_to_call_Cancel_in_any_way()
    {
        _cancelled.Cancel();
        _cancelled.Cancel(true);
        _cancelled.Cancel(false);
        _cancelled.CancelAfter(1_000);
        _cancelled.CancelAfter(TimeSpan.FromSeconds(1));
        Assert.True(_cancelled.IsCancellationRequested);
    }
}
