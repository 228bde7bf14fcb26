using System.Collections.Concurrent;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Event;

/// <summary>
/// Delivers what is published to everyone who subscribed to its type, a base type or an interface of it. Safe for concurrent use.
/// </summary>
public class EventStream
{
    readonly Lock _lock = new();
    Subscriptions _current = new([]);

    internal EventStream() { }

    /// <summary>Subscribes; a subscriber gets each event once, whatever it subscribed to.</summary>
    /// <returns>False if it was subscribed to that type already.</returns>
    public virtual bool Subscribe(IActorRef subscriber, Type channel)
    {
        ArgumentNullException.ThrowIfNull(subscriber);
        ArgumentNullException.ThrowIfNull(channel);
        lock (_lock)
        {
            if (_current.All.Contains((channel, subscriber)))
                return false;
            Volatile.Write(ref _current, new Subscriptions([.. _current.All, (channel, subscriber)]));
            return true;
        }
    }

    /// <summary>Ends one subscription.</summary>
    public virtual bool Unsubscribe(IActorRef subscriber, Type channel)
    {
        ArgumentNullException.ThrowIfNull(subscriber);
        ArgumentNullException.ThrowIfNull(channel);
        return Remove(subscription => subscription.Channel == channel && subscription.Subscriber.Equals(subscriber));
    }

    /// <summary>Ends all subscriptions of a subscriber.</summary>
    public virtual bool Unsubscribe(IActorRef subscriber)
    {
        ArgumentNullException.ThrowIfNull(subscriber);
        return Remove(subscription => subscription.Subscriber.Equals(subscriber));
    }

    /// <summary>Delivers an event, from the caller's thread into the subscribers' mailboxes.</summary>
    public void Publish(object @event)
    {
        ArgumentNullException.ThrowIfNull(@event);
        foreach (var subscriber in Volatile.Read(ref _current).ReceiversOf(@event.GetType()))
        {
            if (subscriber is IInternalActorRef { IsTerminated: true })
                Unsubscribe(subscriber);
            else
                subscriber.Tell(@event, ActorRefs.NoSender);
        }
    }

    bool Remove(Predicate<(Type Channel, IActorRef Subscriber)> match)
    {
        lock (_lock)
        {
            var left = Array.FindAll(_current.All, subscription => !match(subscription));
            if (left.Length == _current.All.Length)
                return false;
            Volatile.Write(ref _current, new Subscriptions(left));
            return true;
        }
    }

    /// <summary>The subscriptions of one moment, with who gets what worked out once for each event type.</summary>
    sealed class Subscriptions((Type Channel, IActorRef Subscriber)[] all)
    {
        readonly ConcurrentDictionary<Type, IActorRef[]> _receivers = new();

        public (Type Channel, IActorRef Subscriber)[] All { get; } = all;

        public IActorRef[] ReceiversOf(Type type) => _receivers.GetOrAdd(
            type,
            static (each, all) =>
            {
                var receivers = new List<IActorRef>();
                foreach (var (channel, subscriber) in all)
                {
                    if (channel.IsAssignableFrom(each) && !receivers.Contains(subscriber))
                        receivers.Add(subscriber);
                }
                return [.. receivers];
            },
            All);
    }
}

/// <summary>Subscribes by type argument.</summary>
public static class EventStreamExtensions
{
    public static bool Subscribe<TChannel>(this EventStream eventStream, IActorRef subscriber) =>
        eventStream.Subscribe(subscriber, typeof(TChannel));

    public static bool Unsubscribe<TChannel>(this EventStream eventStream, IActorRef subscriber) =>
        eventStream.Unsubscribe(subscriber, typeof(TChannel));
}
