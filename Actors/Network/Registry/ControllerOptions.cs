namespace Mesh.Actors.Registry;

/// <summary>Sets the times and bounds of the controller's decisions. Immutable.</summary>
public sealed record ControllerOptions
{
    /// <summary>Gets how long a credential lasts where the request does not say; 1 hour.</summary>
    public TimeSpan CredentialLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Gets the longest time that a credential may last; 90 days.</summary>
    public TimeSpan CredentialLifetimeMaximum { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Gets the longest time that a credential for several machines may last; 24 hours.</summary>
    public TimeSpan ReusableLifetimeMaximum { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Gets the greatest number of machines that a credential may be for; 25.</summary>
    public int CredentialUsesMaximum { get; init; } = 25;

    /// <summary>Gets how long after joining a user's machine must join again; null: it need not.</summary>
    public TimeSpan? NodeExpiry { get; init; }

    /// <summary>Gets how long an ephemeral node may be away before it is deleted; 5 minutes.</summary>
    public TimeSpan EphemeralTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets how often nodes whose time is over, and ephemeral ones that are away, are looked for; 10 seconds.</summary>
    public TimeSpan NodeSweepInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets how long a node may act on a map without a renewal; 7 days.</summary>
    public TimeSpan MapValidFor { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Gets how long after signing a node takes a map in; 10 minutes.</summary>
    public TimeSpan MapAcceptFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Gets how often attached nodes get their map renewed; 1 hour.</summary>
    public TimeSpan RenewalInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Gets how often a stream is asked for a sign of life; after three without any it is closed; 15 seconds.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Gets how long a presence hint counts; it is renewed at half of that; 24 hours.</summary>
    public TimeSpan PresenceValidFor { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Gets after how long without a command an entity is stopped; its state stays in the journal; 2 minutes.</summary>
    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Gets how long a command may take before it is answered with "try again"; 10 seconds.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets how often the journal is looked at without a hint that it changed; 1 second.</summary>
    public TimeSpan TailInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets how many events are taken from the journal at a time, and so at most share a signature; 512.</summary>
    public int TailBatch { get; init; } = 512;

    /// <summary>Gets how often credentials whose time is over are looked for; 1 minute.</summary>
    public TimeSpan ExpirySweepInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Gets how long what has ended is kept before its events lose their content; null: for ever.</summary>
    public TimeSpan? Retention { get; init; }

    /// <summary>Gets how often it is looked whether a day more is to be forgotten; 1 hour.</summary>
    public TimeSpan RetentionInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Gets how long a node whose stream ended may take to be back, here or at another controller, before its peers are told that it is
    /// offline; 6 seconds.
    /// </summary>
    public TimeSpan MoveGrace { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>Gets how often it is told and stored when attached nodes were last heard of; 30 seconds.</summary>
    public TimeSpan SeenInterval { get; init; } = TimeSpan.FromSeconds(30);
}
