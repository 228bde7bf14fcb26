using System.Text.Json.Serialization;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Events;

/// <summary>Lists every event that the network writes, with its stable name.</summary>
public static class NetworkEvents
{
    /// <summary>Gets the names and encodings, for the journal's serializer and for projections.</summary>
    public static EventManifests Manifests { get; } = new(
    [
        EventManifest.Of("network.created.v1", EventJson.Default.NetworkCreated),
        EventManifest.Of("network.restored.v1", EventJson.Default.NetworkRestored),
        EventManifest.Of("controller.delegated.v1", EventJson.Default.ControllerDelegated),
        EventManifest.Of("controller.delegated.v2", EventJson.Default.ControllerDelegatedV2),
        EventManifest.Of("controller.withdrawn.v1", EventJson.Default.ControllerWithdrawn),
        EventManifest.Of("history.pruned.v1", EventJson.Default.HistoryPruned),
        EventManifest.Of("user.created.v1", EventJson.Default.UserCreated),
        EventManifest.Of("credential.created.v1", EventJson.Default.CredentialCreated),
        EventManifest.Of("credential.created.v2", EventJson.Default.CredentialCreatedV2),
        EventManifest.Of("credential.used.v1", EventJson.Default.CredentialUsed),
        EventManifest.Of("credential.expired.v1", EventJson.Default.CredentialExpired),
        EventManifest.Of("credential.revoked.v1", EventJson.Default.CredentialRevoked),
        EventManifest.Of("allocation.reserved.v1", EventJson.Default.AllocationReserved),
        EventManifest.Of("allocation.released.v1", EventJson.Default.AllocationReleased),
        EventManifest.Of("node.registered.v1", EventJson.Default.NodeRegistered),
        EventManifest.Of("node.announced.v1", EventJson.Default.NodeAnnounced),
        EventManifest.Of("node.revoked.v1", EventJson.Default.NodeRevoked),
        EventManifest.Of("node.logged-out.v1", EventJson.Default.NodeLoggedOut),
        EventManifest.Of("node.approved.v1", EventJson.Default.NodeApproved),
        EventManifest.Of("node.renamed.v1", EventJson.Default.NodeRenamed),
        EventManifest.Of("node.rotated.v1", EventJson.Default.NodeRotated),
        EventManifest.Of("node.tagged.v1", EventJson.Default.NodeTagged),
        EventManifest.Of("node.expiry-set.v1", EventJson.Default.NodeExpirySet),
        EventManifest.Of("node.expired.v1", EventJson.Default.NodeExpired),
        EventManifest.Of("node.deleted.v1", EventJson.Default.NodeDeleted),
        EventManifest.Of("policy.set.v1", EventJson.Default.PolicySet),
        EventManifest.Of("policy.set.v2", EventJson.Default.PolicySetV2),
        EventManifest.Of("token.created.v1", EventJson.Default.TokenCreated),
        EventManifest.Of("token.revoked.v1", EventJson.Default.TokenRevoked),
    ]);

    /// <summary>Reads an event as the journal holds it, or what remains of it.</summary>
    /// <exception cref="UnknownEventException">This program does not know it, or it is damaged.</exception>
    /// <exception cref="InvalidDataException">It is no event of a network.</exception>
    public static INetworkEvent Read(JournalEvent journaled) => journaled switch
    {
        { IsPruned: false } => Manifests.Decode(journaled.Payload.Span, journaled.Manifest) as INetworkEvent
            ?? throw new InvalidDataException($"'{journaled.Manifest}' at {journaled.Ordering} is no event of a network"),
        { Payload.Length: Octets32.Size } => new EventPruned(journaled.CommandId ?? "", new WallTime(journaled.CreatedMs)),
        _ => throw new InvalidDataException($"of the pruned event at {journaled.Ordering} not even the hash is left"),
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(WallTimeJsonConverter)])]
[JsonSerializable(typeof(NetworkCreated))]
[JsonSerializable(typeof(NetworkRestored))]
[JsonSerializable(typeof(ControllerDelegated))]
[JsonSerializable(typeof(ControllerDelegatedV2))]
[JsonSerializable(typeof(ControllerWithdrawn))]
[JsonSerializable(typeof(HistoryPruned))]
[JsonSerializable(typeof(UserCreated))]
[JsonSerializable(typeof(CredentialCreated))]
[JsonSerializable(typeof(CredentialCreatedV2))]
[JsonSerializable(typeof(CredentialUsed))]
[JsonSerializable(typeof(CredentialExpired))]
[JsonSerializable(typeof(CredentialRevoked))]
[JsonSerializable(typeof(AllocationReserved))]
[JsonSerializable(typeof(AllocationReleased))]
[JsonSerializable(typeof(NodeRegistered))]
[JsonSerializable(typeof(NodeAnnounced))]
[JsonSerializable(typeof(NodeRevoked))]
[JsonSerializable(typeof(NodeLoggedOut))]
[JsonSerializable(typeof(NodeApproved))]
[JsonSerializable(typeof(NodeRenamed))]
[JsonSerializable(typeof(NodeRotated))]
[JsonSerializable(typeof(NodeTagged))]
[JsonSerializable(typeof(NodeExpirySet))]
[JsonSerializable(typeof(NodeExpired))]
[JsonSerializable(typeof(NodeDeleted))]
[JsonSerializable(typeof(PolicySet))]
[JsonSerializable(typeof(PolicySetV2))]
[JsonSerializable(typeof(TokenCreated))]
[JsonSerializable(typeof(TokenRevoked))]
sealed partial class EventJson : JsonSerializerContext;
