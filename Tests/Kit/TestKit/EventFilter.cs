using System.Text.RegularExpressions;
using System.Threading.Channels;
using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.TestKit;

/// <summary>Picks events out of the event stream.</summary>
public class EventFilterFactory
{
    readonly TestKitBase _testkit;
    readonly ActorSystem _system;

    internal EventFilterFactory(TestKitBase testkit, ActorSystem system)
    {
        _testkit = testkit;
        _system = system;
    }

    public IEventFilterApplier Custom<TLogEvent>(Predicate<TLogEvent> predicate)
        where TLogEvent : LogEvent => Apply($"{typeof(TLogEvent).Name}", each => each is TLogEvent log && predicate(log));

    public IEventFilterApplier Exception<TException>(
        string? message = null, string? start = null, string? contains = null, string? source = null)
        where TException : Exception => Exception(typeof(TException), message, start, contains, source);

    /// <summary>Matches log events of level Error with an exception of the type; text is that of the event or of the exception.</summary>
    public IEventFilterApplier Exception(
        Type exceptionType, string? message = null, string? start = null, string? contains = null, string? source = null,
        bool checkInnerExceptions = false) => Apply(
            $"Error with {exceptionType.Name}",
            each => each is Error { Cause: { } cause } error && Chain(cause, checkInnerExceptions).Any(exceptionType.IsInstanceOfType)
                && FromSource(error, source)
                && (Matches(error.Message.ToString(), message, start, contains) || Matches(cause.Message, message, start, contains)));

    public IEventFilterApplier Exception<TException>(Regex pattern, string? source = null)
        where TException : Exception => Apply(
            $"Error with {typeof(TException).Name}",
            each => each is Error { Cause: TException cause } error && FromSource(error, source)
                && (pattern.IsMatch(error.Message.ToString() ?? "") || pattern.IsMatch(cause.Message)));

    public IEventFilterApplier Debug(
        string? message = null, string? start = null, string? contains = null, string? source = null) =>
        Log<Debug>(message, start, contains, source);

    public IEventFilterApplier Info(
        string? message = null, string? start = null, string? contains = null, string? source = null) =>
        Log<Info>(message, start, contains, source);

    public IEventFilterApplier Warning(
        string? message = null, string? start = null, string? contains = null, string? source = null) =>
        Log<Warning>(message, start, contains, source);

    public IEventFilterApplier Error(
        string? message = null, string? start = null, string? contains = null, string? source = null) =>
        Log<Error>(message, start, contains, source);

    public IEventFilterApplier DeadLetter() => DeadLetter<object>();

    public IEventFilterApplier DeadLetter<TMessage>(string? source = null) => DeadLetter<TMessage>(static _ => true, source);

    public IEventFilterApplier DeadLetter<TMessage>(Func<TMessage, bool> isMatch, string? source = null) => Apply(
        $"dead letter of {typeof(TMessage).Name}",
        each => each is DeadLetter { Message: TMessage message } letter && isMatch(message)
            && (source is null || letter.Recipient.Path.ToString() == source));

    IEventFilterApplier Log<TLogEvent>(string? message, string? start, string? contains, string? source)
        where TLogEvent : LogEvent => Apply(
            typeof(TLogEvent).Name,
            each => each is TLogEvent log && FromSource(log, source) && Matches(log.Message.ToString(), message, start, contains));

    EventFilterApplier Apply(string name, Predicate<object> matches) => new(_testkit, (ActorSystemImpl)_system, name, matches);

    static IEnumerable<Exception> Chain(Exception cause, bool inner)
    {
        for (var each = cause; each is not null; each = inner ? each.InnerException : null)
            yield return each;
    }

    static bool FromSource(LogEvent log, string? source) => source is null || log.LogSource == source;

    static bool Matches(string? text, string? message, string? start, string? contains) =>
        text is not null && (message is null || text == message)
        && (start is null || text.StartsWith(start, StringComparison.Ordinal))
        && (contains is null || text.Contains(contains, StringComparison.Ordinal));
}

/// <summary>Runs code and says how many matching events it must cause.</summary>
public interface IEventFilterApplier
{
    Task ExpectOneAsync(Func<Task> action, CancellationToken cancellationToken = default);

    Task ExpectOneAsync(TimeSpan timeout, Func<Task> action, CancellationToken cancellationToken = default);

    Task ExpectAsync(int expectedCount, Func<Task> actionAsync, CancellationToken cancellationToken = default);

    Task ExpectAsync(int expectedCount, TimeSpan timeout, Func<Task> actionAsync, CancellationToken cancellationToken = default);
}

sealed class EventFilterApplier(TestKitBase testkit, ActorSystemImpl system, string name, Predicate<object> matches) : IEventFilterApplier
{
    public Task ExpectOneAsync(Func<Task> action, CancellationToken cancellationToken = default) =>
        ExpectAsync(1, action, cancellationToken);

    public Task ExpectOneAsync(TimeSpan timeout, Func<Task> action, CancellationToken cancellationToken = default) =>
        ExpectAsync(1, timeout, action, cancellationToken);

    public Task ExpectAsync(int expectedCount, Func<Task> actionAsync, CancellationToken cancellationToken = default) =>
        ExpectAsync(
            expectedCount,
            system.Settings.Config.GetTimeSpan("akka.test.filter-leeway", TimeSpan.FromSeconds(3)),
            actionAsync,
            cancellationToken);

    public async Task ExpectAsync(
        int expectedCount, TimeSpan timeout, Func<Task> actionAsync, CancellationToken cancellationToken = default)
    {
        var listener = new Listener(system, matches);
        system.EventStream.Subscribe(listener, typeof(LogEvent));
        system.EventStream.Subscribe(listener, typeof(AllDeadLetters));
        try
        {
            await actionAsync();
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(testkit.Dilated(timeout));
            for (var count = 0; count < expectedCount; count++)
            {
                try
                {
                    await listener.Matched.Reader.ReadAsync(limit.Token);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    Assert.Fail($"Timeout {timeout} while waiting for events: {name}; got {count} of {expectedCount}.");
                }
            }
        }
        finally
        {
            system.EventStream.Unsubscribe(listener);
        }
        if (listener.Matched.Reader.TryRead(out var extra))
            Assert.Fail($"More events than the {expectedCount} expected: {name}; for one, {extra}.");
    }

    sealed class Listener(ActorSystemImpl system, Predicate<object> matches) : MinimalActorRef
    {
        public override ActorPath Path { get; } = system.NextTempPath();

        public override ActorSystemImpl System { get; } = system;

        public Channel<object> Matched { get; } = Channel.CreateUnbounded<object>();

        protected override void TellInternal(object message, IActorRef? sender)
        {
            if (matches(message))
                Matched.Writer.TryWrite(message);
        }
    }
}
