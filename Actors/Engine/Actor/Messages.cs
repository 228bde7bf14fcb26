using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>Marks messages that the engine handles itself before the actor sees them.</summary>
public interface IAutoReceivedMessage;

/// <summary>Marks messages that do not push the receive timeout back.</summary>
public interface INotInfluenceReceiveTimeout;

/// <summary>Marks messages that do harm when they come from outside.</summary>
public interface IPossiblyHarmful;

/// <summary>Marks messages that are never serialised, also where tests serialise every message.</summary>
public interface INoSerializationVerificationNeeded;

/// <summary>Stops the receiver once everything queued before it is done.</summary>
public sealed class PoisonPill : IAutoReceivedMessage, IPossiblyHarmful, IDeadLetterSuppression
{
    public static PoisonPill Instance { get; } = new();

    PoisonPill() { }

    public override string ToString() => "<PoisonPill>";
}

/// <summary>Makes the receiver fail with <see cref="ActorKilledException"/>.</summary>
public sealed class Kill : IAutoReceivedMessage
{
    public static Kill Instance { get; } = new();

    Kill() { }

    public override string ToString() => "<Kill>";
}

/// <summary>Says that nothing came for as long as the receive timeout.</summary>
public class ReceiveTimeout : IPossiblyHarmful
{
    public static ReceiveTimeout Instance { get; } = new();

    ReceiveTimeout() { }

    public override string ToString() => "ReceiveTimeout";
}

/// <summary>Says that a watched actor is no more. Unhandled, it fails the watcher.</summary>
public sealed class Terminated
    : IAutoReceivedMessage, IPossiblyHarmful, IDeadLetterSuppression, INoSerializationVerificationNeeded, IEquatable<Terminated>
{
    public Terminated(IActorRef actorRef, bool existenceConfirmed, bool addressTerminated)
    {
        ActorRef = actorRef;
        ExistenceConfirmed = existenceConfirmed;
        AddressTerminated = addressTerminated;
    }

    /// <summary>The actor that stopped.</summary>
    public IActorRef ActorRef { get; }

    /// <summary>False if the actor was already gone when the watch reached it.</summary>
    public bool ExistenceConfirmed { get; }

    /// <summary>True if the whole system of the actor went away; never within one process.</summary>
    public bool AddressTerminated { get; }

    public bool Equals(Terminated? other) =>
        other is not null && ActorRef.Equals(other.ActorRef) && ExistenceConfirmed == other.ExistenceConfirmed
        && AddressTerminated == other.AddressTerminated;

    public override bool Equals(object? obj) => obj is Terminated other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(ActorRef, ExistenceConfirmed, AddressTerminated);

    public override string ToString() => $"<Terminated>: {ActorRef} - ExistenceConfirmed={ExistenceConfirmed}";
}

/// <summary>Asks the receiver for its reference; the engine answers with <see cref="ActorIdentity"/>.</summary>
public sealed class Identify(object messageId) : IAutoReceivedMessage, INotInfluenceReceiveTimeout
{
    /// <summary>Comes back in the answer.</summary>
    public object MessageId { get; } = messageId;

    public override bool Equals(object? obj) => obj is Identify other && Equals(MessageId, other.MessageId);

    public override int GetHashCode() => MessageId?.GetHashCode() ?? 0;

    public override string ToString() => $"<Identify>: {MessageId}";
}

/// <summary>Answers <see cref="Identify"/>.</summary>
public sealed class ActorIdentity(object messageId, IActorRef? subject)
{
    public object MessageId { get; } = messageId;

    /// <summary>Who answered; null if nobody was there.</summary>
    public IActorRef? Subject { get; } = subject;

    public override bool Equals(object? obj) =>
        obj is ActorIdentity other && Equals(MessageId, other.MessageId) && Equals(Subject, other.Subject);

    public override int GetHashCode() => HashCode.Combine(MessageId, Subject);

    public override string ToString() => $"<ActorIdentity>: {Subject} - MessageId={MessageId}";
}

/// <summary>Outcome of a request; a <see cref="Failure"/> in answer to an ask faults its task.</summary>
public abstract class Status
{
    /// <summary>The request was carried out.</summary>
    public sealed class Success(object? status) : Status
    {
        public static readonly Success Instance = new(null);

        public readonly object? Status = status;

        public override string ToString() => $"Success: {Status}";
    }

    /// <summary>The request failed.</summary>
    public sealed class Failure(Exception cause, object? state) : Status
    {
        public readonly Exception Cause = cause;

        public readonly object? State = state;

        public Failure(Exception cause)
            : this(cause, null)
        {
        }

        public override string ToString() => State is null ? $"Failure: {Cause}" : $"Failure[{State}]: {Cause}";
    }
}

/// <summary>A message and who sent it.</summary>
public readonly struct Envelope : IEquatable<Envelope>
{
    public Envelope(object message, IActorRef sender)
    {
        Message = message;
        Sender = sender;
    }

    public object Message { get; }

    public IActorRef Sender { get; }

    public bool Equals(Envelope other) => ReferenceEquals(Message, other.Message) && Equals(Sender, other.Sender);

    public override bool Equals(object? obj) => obj is Envelope other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Message, Sender);

    public static bool operator ==(Envelope left, Envelope right) => left.Equals(right);

    public static bool operator !=(Envelope left, Envelope right) => !left.Equals(right);

    public override string ToString() => $"<{Message}> from {Sender}";
}
