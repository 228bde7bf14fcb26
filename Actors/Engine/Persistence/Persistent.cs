using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Persistence;

/// <inheritdoc cref="IPersistentRepresentation"/>
public sealed record Persistent : IPersistentRepresentation
{
    /// <summary>Makes an event; what is left out is undefined.</summary>
    public Persistent(
        object payload,
        long sequenceNr = 0L,
        string? persistenceId = null,
        string? manifest = null,
        bool isDeleted = false,
        IActorRef? sender = null,
        string? writerGuid = null,
        long timestamp = 0L)
    {
        Payload = payload;
        SequenceNr = sequenceNr;
        PersistenceId = persistenceId ?? Undefined;
        Manifest = manifest ?? Undefined;
        IsDeleted = isDeleted;
        Sender = sender;
        WriterGuid = writerGuid ?? Undefined;
        Timestamp = timestamp;
    }

    /// <summary>Stands for what is not known: the empty text.</summary>
    public static string Undefined { get; } = string.Empty;

    /// <inheritdoc/>
    public object Payload { get; private init; }

    /// <inheritdoc/>
    public string Manifest { get; private init; }

    /// <inheritdoc/>
    public string PersistenceId { get; }

    /// <inheritdoc/>
    public long SequenceNr { get; }

    /// <inheritdoc/>
    public bool IsDeleted { get; }

    /// <inheritdoc/>
    public IActorRef? Sender { get; }

    /// <inheritdoc/>
    public string WriterGuid { get; }

    /// <inheritdoc/>
    public long Timestamp { get; private init; }

    /// <inheritdoc/>
    public IPersistentRepresentation WithPayload(object payload) => this with { Payload = payload };

    /// <inheritdoc/>
    public IPersistentRepresentation WithManifest(string manifest) => this with { Manifest = manifest };

    /// <inheritdoc/>
    public IPersistentRepresentation WithTimestamp(long newTimestamp) => this with { Timestamp = newTimestamp };

    /// <inheritdoc/>
    public IPersistentRepresentation Update(long sequenceNr, string persistenceId, bool isDeleted, IActorRef? sender, string writerGuid) =>
        new Persistent(Payload, sequenceNr, persistenceId, Manifest, isDeleted, sender, writerGuid, Timestamp);
}
