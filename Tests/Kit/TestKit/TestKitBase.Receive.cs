using System.Runtime.CompilerServices;

namespace Mesh.Actors.Engine.TestKit;

public abstract partial class TestKitBase
{
    /// <summary>Takes the next message; null if none comes in time.</summary>
    public async ValueTask<object?> ReceiveOneAsync(TimeSpan? max = null, CancellationToken cancellationToken = default)
    {
        var (got, envelope) = await TryReceiveOneAsync(max, cancellationToken).ConfigureAwait(false);
        return got ? envelope.Message : null;
    }

    /// <summary>Takes the next message.</summary>
    public ValueTask<(bool Success, MessageEnvelope Envelope)> TryReceiveOneAsync(
        TimeSpan? max, CancellationToken cancellationToken = default) => TakeAsync(RemainingOrDilated(max), cancellationToken);

    /// <summary>Takes the next message; the time is real.</summary>
    async ValueTask<(bool Success, MessageEnvelope Envelope)> TakeAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        if (_peeked is { } peeked)
        {
            _peeked = null;
            _last = peeked;
            return (true, peeked);
        }
        if (_queue.Reader.TryRead(out var ready))
        {
            _last = ready;
            return (true, ready);
        }
        if (wait == TimeSpan.Zero)
            return (false, default);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (wait != Timeout.InfiniteTimeSpan)
            limit.CancelAfter(wait);
        try
        {
            while (await _queue.Reader.WaitToReadAsync(limit.Token).ConfigureAwait(false))
            {
                if (_queue.Reader.TryRead(out var envelope))
                {
                    _last = envelope;
                    return (true, envelope);
                }
            }
            return (false, default);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (false, default);
        }
    }

    /// <summary>Looks at the next message without taking it; null if none comes in time.</summary>
    public async ValueTask<object?> PeekOneAsync(TimeSpan? max = null, CancellationToken cancellationToken = default)
    {
        var last = _last;
        var (got, envelope) = await TryReceiveOneAsync(max, cancellationToken).ConfigureAwait(false);
        if (!got)
            return null;
        _peeked = envelope;
        _last = last;
        return envelope.Message;
    }

    /// <summary>Takes that many messages; fails if they do not come in time.</summary>
    public IAsyncEnumerable<object> ReceiveNAsync(int numberOfMessages, CancellationToken cancellationToken = default) =>
        TakeNAsync(numberOfMessages, RemainingOrDefault, cancellationToken);

    /// <inheritdoc cref="ReceiveNAsync(int, CancellationToken)"/>
    public IAsyncEnumerable<object> ReceiveNAsync(int numberOfMessages, TimeSpan max, CancellationToken cancellationToken = default) =>
        TakeNAsync(numberOfMessages, Dilated(max), cancellationToken);

    async IAsyncEnumerable<object> TakeNAsync(
        int numberOfMessages, TimeSpan max, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var deadline = Now + max;
        for (var count = 0; count < numberOfMessages; count++)
        {
            var left = TimeSpan.FromTicks(Math.Max(0, (deadline - Now).Ticks));
            var (got, envelope) = await TakeAsync(left, cancellationToken).ConfigureAwait(false);
            if (!got)
                Assert.Fail($"Timeout ({max}) while expecting {numberOfMessages} messages (got {count}).");
            yield return envelope.Message;
        }
    }

    /// <summary>Takes messages until one matches, and returns it.</summary>
    public async ValueTask<T> FishForMessageAsync<T>(
        Predicate<T> isMessage, TimeSpan? max = null, string hint = "", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(isMessage);
        var limit = RemainingOrDilated(max);
        var deadline = Now + limit;
        while (true)
        {
            var left = TimeSpan.FromTicks(Math.Max(0, (deadline - Now).Ticks));
            var (got, envelope) = await TakeAsync(left, cancellationToken).ConfigureAwait(false);
            if (!got)
                Assert.Fail($"Timeout ({limit}) during fishForMessage, hint: {hint}");
            if (envelope.Message is T typed && isMessage(typed))
                return typed;
        }
    }

    /// <inheritdoc cref="FishForMessageAsync{T}"/>
    public ValueTask<object> FishForMessageAsync(
        Predicate<object> isMessage, TimeSpan? max = null, string hint = "", CancellationToken cancellationToken = default) =>
        FishForMessageAsync<object>(isMessage, max, hint, cancellationToken);
}
