using System.Runtime.CompilerServices;

namespace Mesh.Actors.Engine.TestKit;

public abstract partial class TestKitBase
{
    /// <summary>Takes the next message, which must be of the type.</summary>
    public ValueTask<T> ExpectMsgAsync<T>(
        TimeSpan? duration = null, string? hint = null, CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(duration, hint, static (_, _) => { }, cancellationToken);

    /// <summary>Takes the next message, which must equal the given one.</summary>
    public ValueTask<T> ExpectMsgAsync<T>(
        T message, TimeSpan? timeout = null, string? hint = null, CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(timeout, hint, (actual, _) => Assert.Equal(message, actual), cancellationToken);

    /// <summary>Takes the next message, which must satisfy the predicate.</summary>
    public ValueTask<T> ExpectMsgAsync<T>(
        Predicate<T> isMessage, TimeSpan? timeout = null, string? hint = null, CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(
            timeout, hint, (actual, _) => Assert.True(isMessage(actual), $"Got a message that does not match: <{actual}>. {hint}"),
            cancellationToken);

    /// <summary>Takes the next message, on which the assertion must hold.</summary>
    public ValueTask<T> ExpectMsgAsync<T>(
        Action<T> assert, TimeSpan? timeout = null, string? hint = null, CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(timeout, hint, (actual, _) => assert(actual), cancellationToken);

    /// <summary>Takes the next message, which must satisfy the predicate together with its sender.</summary>
    public ValueTask<T> ExpectMsgAsync<T>(
        Func<T, IActorRef, bool> isMessageAndSender, TimeSpan? timeout = null, string? hint = null,
        CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(
            timeout, hint,
            (actual, sender) => Assert.True(isMessageAndSender(actual, sender), $"Got <{actual}> from {sender}. {hint}"),
            cancellationToken);

    /// <summary>Takes the next message, which must come from the sender.</summary>
    public ValueTask<T> ExpectMsgFromAsync<T>(
        IActorRef sender, TimeSpan? duration = null, string? hint = null, CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(duration, hint, (_, actual) => Assert.Equal(sender, actual), cancellationToken);

    /// <summary>Takes the next message, which must equal the given one and come from the sender.</summary>
    public ValueTask<T> ExpectMsgFromAsync<T>(
        IActorRef sender, T message, TimeSpan? timeout = null, string? hint = null, CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(
            timeout, hint,
            (actual, actualSender) =>
            {
                Assert.Equal(message, actual);
                Assert.Equal(sender, actualSender);
            },
            cancellationToken);

    /// <summary>Takes as many messages as given; they must be these, in any order.</summary>
    public IAsyncEnumerable<T> ExpectMsgAllOfAsync<T>(
        IReadOnlyCollection<T> messages, CancellationToken cancellationToken = default) =>
        TakeAllOfAsync(RemainingOrDefault, messages, cancellationToken);

    /// <inheritdoc cref="ExpectMsgAllOfAsync{T}(IReadOnlyCollection{T}, CancellationToken)"/>
    public IAsyncEnumerable<T> ExpectMsgAllOfAsync<T>(
        TimeSpan max, IReadOnlyCollection<T> messages, CancellationToken cancellationToken = default) =>
        TakeAllOfAsync(Dilated(max), messages, cancellationToken);

    async IAsyncEnumerable<T> TakeAllOfAsync<T>(
        TimeSpan max, IReadOnlyCollection<T> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var missing = messages.ToList();
        var received = new List<object>();
        await foreach (var message in TakeNAsync(messages.Count, max, cancellationToken).ConfigureAwait(false))
        {
            received.Add(message);
            if (message is not T typed || !missing.Remove(typed))
                Assert.Fail($"Unexpected <{message}>; still missing: {string.Join(", ", missing)}.");
        }
        foreach (var message in received)
            yield return (T)message;
    }

    /// <summary>Takes the next message, which must be one of these.</summary>
    public ValueTask<T> ExpectMsgAnyOfAsync<T>(IEnumerable<T> messages, CancellationToken cancellationToken = default) =>
        ExpectAsync<T>(null, null, (actual, _) => Assert.Contains(actual, messages), cancellationToken);

    /// <summary>Takes the next message, which must say that the target stopped.</summary>
    public ValueTask<Terminated> ExpectTerminatedAsync(
        IActorRef target, TimeSpan? timeout = null, string? hint = null, CancellationToken cancellationToken = default) =>
        ExpectAsync<Terminated>(timeout, hint, (actual, _) => Assert.Equal(target, actual.ActorRef), cancellationToken);

    /// <summary>Waits 100 ms, in which no message may come.</summary>
    public ValueTask ExpectNoMsgAsync(CancellationToken cancellationToken = default) =>
        ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100), cancellationToken);

    public ValueTask ExpectNoMsgAsync(int milliseconds, CancellationToken cancellationToken = default) =>
        ExpectNoMsgAsync(TimeSpan.FromMilliseconds(milliseconds), cancellationToken);

    public async ValueTask ExpectNoMsgAsync(TimeSpan duration, CancellationToken cancellationToken = default)
    {
        var (got, envelope) = await TryReceiveOneAsync(duration, cancellationToken).ConfigureAwait(false);
        if (got)
            Assert.Fail($"Expected no message for {duration}, but got <{envelope.Message}> from {envelope.Sender}.");
    }

    async ValueTask<T> ExpectAsync<T>(
        TimeSpan? timeout, string? hint, Action<T, IActorRef> assert, CancellationToken cancellationToken)
    {
        var wait = RemainingOrDilated(timeout);
        var (got, envelope) = await TryReceiveOneAsync(timeout, cancellationToken).ConfigureAwait(false);
        if (!got)
            Assert.Fail($"Timeout {wait} while waiting for a message of type {typeof(T)}. {hint}");
        if (envelope.Message is not T typed)
        {
            Assert.Fail(
                $"Expected a message of type {typeof(T)}, but got <{envelope.Message}> of type {envelope.Message.GetType()} "
                + $"from {envelope.Sender}. {hint}");
            return default;
        }
        assert(typed, envelope.Sender);
        return typed;
    }
}
