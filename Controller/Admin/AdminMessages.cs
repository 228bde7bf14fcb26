using System.Text.Json.Serialization;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Admin;

// What the admin socket speaks and what --json prints. Programs read it: names stay.

/// <summary>Describes the controller.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="Network">The network.</param>
/// <param name="Controller">The controller's id.</param>
/// <param name="Zone">The zone of the names.</param>
/// <param name="Ipv4">The IPv4 range.</param>
/// <param name="Ipv6">The IPv6 range.</param>
/// <param name="RootHash">What credentials pin.</param>
/// <param name="Epoch">The epoch of the maps.</param>
/// <param name="Revision">The newest revision of the network.</param>
/// <param name="StartedAt">When the program started.</param>
/// <param name="Listen">Where the API listens.</param>
/// <param name="Advertise">Where nodes are told to find it.</param>
/// <param name="StateDirectory">Where the keys are.</param>
/// <param name="Journal">Where the journal is: a file, or a database without its secrets.</param>
/// <param name="Users">How many users there are.</param>
/// <param name="Nodes">How many nodes belong to the network.</param>
/// <param name="Attached">How many of them are attached to this controller.</param>
/// <param name="CredentialsOpen">How many credentials can still be used.</param>
/// <param name="DelegationEnds">When the root's delegation ends.</param>
/// <param name="Warnings">What an admin should look at, one line each.</param>
sealed record StatusReport(
    string Version, NetworkId Network, ControllerId Controller, string Zone, string Ipv4, string Ipv6, Digest256 RootHash, int Epoch,
    long Revision, WallTime StartedAt, IReadOnlyList<string> Listen, IReadOnlyList<string> Advertise, string StateDirectory,
    string Journal, int Users, int Nodes, int Attached, int CredentialsOpen, WallTime DelegationEnds, IReadOnlyList<string> Warnings)
{
    /// <summary>Gets where the audit chain stands, as nodes show it: <c>ORDERING:COUNT:DIGEST</c>.</summary>
    public string? AuditHead { get; init; }
}

/// <summary>Says what a look at every row of a journal found.</summary>
/// <param name="Journal">Where it is.</param>
/// <param name="Rows">How many rows there are.</param>
/// <param name="Events">How many of them are events that were not deleted.</param>
/// <param name="Entities">Of how many entities.</param>
/// <param name="Ordering">The highest ordering.</param>
/// <param name="Problems">What is wrong, one line each.</param>
sealed record JournalReport(string Journal, long Rows, long Events, int Entities, long Ordering, IReadOnlyList<string> Problems);

/// <summary>Describes a backup.</summary>
/// <param name="File">The file.</param>
/// <param name="Network">The network.</param>
/// <param name="Controller">The controller that took and signed it.</param>
/// <param name="Epoch">The epoch then.</param>
/// <param name="TakenAt">When.</param>
/// <param name="Events">How many rows its journal has.</param>
/// <param name="Revision">The newest revision in it.</param>
/// <param name="Nodes">How many nodes belonged to the network.</param>
/// <param name="Digest">SHA-256 over the file.</param>
sealed record BackupReport(
    string File, NetworkId Network, ControllerId Controller, int Epoch, WallTime TakenAt, long Events, long Revision, int Nodes, Digest256 Digest);

/// <summary>Says what a restoration did.</summary>
/// <param name="Backup">From what.</param>
/// <param name="Epoch">The new epoch.</param>
/// <param name="Controller">The new controller.</param>
/// <param name="Journal">Where the journal is.</param>
/// <param name="Withdrawn">The controllers that were: nodes no longer believe them.</param>
/// <param name="CredentialsRevoked">How many credentials could still be used at the backup, and no longer can.</param>
/// <param name="TokensRevoked">How many tokens of admins were not revoked at the backup, and are now.</param>
/// <param name="Addresses">Where nodes look for a controller.</param>
sealed record RestoreReport(
    BackupReport Backup, int Epoch, ControllerId Controller, string Journal, IReadOnlyList<ControllerId> Withdrawn, int CredentialsRevoked,
    int TokensRevoked, IReadOnlyList<string> Addresses);

/// <summary>Asks for a user.</summary>
sealed record NewUser(string Name);

/// <summary>Describes a user.</summary>
sealed record UserEntry(string Name, WallTime CreatedAt, string CreatedBy);

/// <summary>Lists users.</summary>
sealed record UserList(IReadOnlyList<UserEntry> Users);

/// <summary>Asks for a credential.</summary>
/// <param name="Tags">The tags that own the machine; or</param>
/// <param name="User">the user whose machine it joins.</param>
/// <param name="TtlSeconds">How long it lasts; absent: the controller's default.</param>
/// <param name="Controllers">Where the machine finds a controller; absent: what the controller advertises.</param>
/// <param name="Uses">How many machines can join with it; absent: one.</param>
/// <param name="Ephemeral">Whether its machines are deleted when they have been away for some time.</param>
/// <param name="Approved">Whether its machines wait for no admin.</param>
sealed record NewCredential(
    IReadOnlyList<string> Tags, string? User = null, long? TtlSeconds = null, IReadOnlyList<string>? Controllers = null, int? Uses = null,
    bool Ephemeral = false, bool Approved = false);

/// <summary>Is a new credential; <paramref name="Key"/> is shown this once.</summary>
sealed record CreatedCredential(string Key, CredentialEntry Credential);

/// <summary>Describes a credential.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State"><c>created</c>, <c>used</c>, <c>expired</c> or <c>revoked</c>.</param>
/// <param name="Tags">The tags that own the machine.</param>
/// <param name="CreatedBy">Who created it.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="ExpiresAt">The last moment at which it can be used.</param>
/// <param name="User">The user whose machine it joins.</param>
/// <param name="Node">The node that joined with it last.</param>
/// <param name="EndedAt">When it was used up, expired or revoked.</param>
/// <param name="Uses">How many machines can join with it.</param>
/// <param name="Used">How many have.</param>
/// <param name="Ephemeral">Whether its machines are deleted when they have been away for some time.</param>
/// <param name="Approved">Whether its machines wait for no admin.</param>
sealed record CredentialEntry(
    CredentialId Id, string State, IReadOnlyList<string> Tags, string CreatedBy, WallTime CreatedAt, WallTime ExpiresAt,
    string? User = null, NodeId? Node = null, WallTime? EndedAt = null, int Uses = 1, int Used = 0, bool Ephemeral = false,
    bool Approved = false);

/// <summary>Lists credentials.</summary>
sealed record CredentialList(IReadOnlyList<CredentialEntry> Credentials);

/// <summary>Describes a node.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="State"><c>online</c>, <c>offline</c>, <c>waiting</c> (for approval), <c>expired</c>, <c>revoked</c> or <c>logged-out</c>; of the past
/// <c>present</c> in place of the first two.</param>
/// <param name="Ipv4">Its IPv4 address.</param>
/// <param name="Ipv6">Its IPv6 address.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="Hostname">The name that the machine gave itself.</param>
/// <param name="Os">Its operating system.</param>
/// <param name="Version">Its program's version.</param>
/// <param name="SigningKey">Its identity key.</param>
/// <param name="TunnelKey">Its WireGuard key.</param>
/// <param name="Credential">The credential that it joined with.</param>
/// <param name="JoinedAt">When it joined.</param>
/// <param name="Revision">The newest revision that it acts on.</param>
/// <param name="User">Its owner; absent where tags own it.</param>
/// <param name="LastSeen">When it was last heard of; absent: not since the controller started.</param>
/// <param name="RemovedAt">When it was taken out.</param>
/// <param name="ExpiresAt">When it must join again; absent: never.</param>
/// <param name="Ephemeral">Whether it is deleted when it has been away for some time.</param>
/// <param name="CopiedAt">When two machines were last seen to live with its identity; absent: not lately.</param>
/// <param name="CopiedFrom">The addresses that they came from.</param>
sealed record NodeEntry(
    NodeId Id, string Name, string State, string Ipv4, string Ipv6, IReadOnlyList<string> Tags, string Hostname, string Os, string Version,
    SigningPublicKey SigningKey, TunnelPublicKey TunnelKey, CredentialId Credential, WallTime JoinedAt, long Revision, string? User = null,
    WallTime? LastSeen = null, WallTime? RemovedAt = null, WallTime? ExpiresAt = null, bool Ephemeral = false,
    WallTime? CopiedAt = null, string? CopiedFrom = null);

/// <summary>Asks for another name of a node.</summary>
sealed record NewName(string Name);

/// <summary>Says whose a node is.</summary>
/// <param name="Set">The tags that own it, and no others; or</param>
/// <param name="Add">tags beside those that it has; or</param>
/// <param name="Remove">tags that it has no longer; or</param>
/// <param name="User">the user it belongs to, without tags.</param>
sealed record NewOwner(
    IReadOnlyList<string>? Set = null, IReadOnlyList<string>? Add = null, IReadOnlyList<string>? Remove = null, string? User = null);

/// <summary>Says when a node must join again.</summary>
/// <param name="Never">Never; else</param>
/// <param name="InSeconds">after so many seconds; or</param>
/// <param name="At">at a moment; absent both: now.</param>
sealed record NewExpiry(bool Never = false, long? InSeconds = null, WallTime? At = null);

/// <summary>Asks for a node's end.</summary>
/// <param name="Force">Revokes it first where it is in the network.</param>
sealed record NodeDeletion(bool Force = false);

/// <summary>Says that nothing lists a node any more.</summary>
/// <param name="Id">The node.</param>
/// <param name="Name">Its name.</param>
/// <param name="Revocation">How far it is cut off, where it was in the network.</param>
sealed record DeletedNode(NodeId Id, string Name, RevocationReport? Revocation = null);

/// <summary>Lists nodes.</summary>
sealed record NodeList(IReadOnlyList<NodeEntry> Nodes);

/// <summary>Says how far a revoked node is cut off.</summary>
/// <param name="Id">The node.</param>
/// <param name="Name">Its name.</param>
/// <param name="Peers">How many nodes had it as a peer.</param>
/// <param name="Acknowledged">How many of them act on a map without it.</param>
/// <param name="ElapsedSeconds">From the commit to the last acknowledgement.</param>
/// <param name="NotReached">The others.</param>
sealed record RevocationReport(
    NodeId Id, string Name, int Peers, int Acknowledged, double ElapsedSeconds, IReadOnlyList<UnreachedPeer> NotReached);

/// <summary>Is a peer that may still talk to the revoked node, at the longest until <paramref name="ValidUntil"/>.</summary>
sealed record UnreachedPeer(NodeId Id, string Name, bool Attached, WallTime ValidUntil);

/// <summary>Carries a policy's text.</summary>
sealed record PolicyText(string Text);

/// <summary>Answers a new or a checked policy.</summary>
/// <param name="Taken">Whether it is in force now.</param>
/// <param name="Problems">What is wrong with it, in the order of the lines.</param>
sealed record PolicyReport(bool Taken, IReadOnlyList<PolicyFinding> Problems);

/// <summary>Is something wrong in a policy.</summary>
/// <param name="Severity"><c>warning</c> or <c>error</c>.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Path">Where in the document.</param>
/// <param name="Message">What is wrong and what to write instead.</param>
sealed record PolicyFinding(string Severity, int Line, string Path, string Message);

/// <summary>Is the map body of a node.</summary>
/// <param name="Node">The node.</param>
/// <param name="Name">Its name.</param>
/// <param name="Revision">The revision that the body is of.</param>
/// <param name="BodyHash">SHA-256 over the body's canonical bytes, which is what the node acknowledges.</param>
/// <param name="Body">The canonical bytes, as text.</param>
sealed record MapReport(NodeId Node, string Name, long Revision, Digest256 BodyHash, string Body);

/// <summary>Describes a policy that was set.</summary>
/// <param name="Revision">The revision that set it.</param>
/// <param name="At">When.</param>
/// <param name="By">Who.</param>
/// <param name="Rules">How many rules it has.</param>
/// <param name="Groups">How many groups.</param>
/// <param name="Tags">How many tags.</param>
/// <param name="Added">How many lines it has that the one before had not; only in a history.</param>
/// <param name="Removed">How many lines the one before had that it has not; only in a history.</param>
sealed record PolicyVersion(
    long Revision, WallTime At, string By, int Rules, int Groups, int Tags, int? Added = null, int? Removed = null);

/// <summary>Lists the policies that were set, oldest first: the last is in force.</summary>
sealed record PolicyVersionList(IReadOnlyList<PolicyVersion> Versions);

/// <summary>Asks for an old policy to be set again.</summary>
sealed record PolicyRollback(long Revision);

/// <summary>Compares two policies.</summary>
/// <param name="Diff">The hunks of the unified format; empty where the texts are equal.</param>
/// <param name="Problems">What is wrong with a policy that was not set.</param>
/// <param name="From">The earlier one; absent where there was none.</param>
/// <param name="To">The later one; absent where it was not set.</param>
/// <param name="Meaning">What the difference means for the nodes of the present; absent where the policy has an error.</param>
sealed record PolicyComparison(
    string Diff, IReadOnlyList<PolicyFinding> Problems, PolicyVersion? From = null, PolicyVersion? To = null, PolicyMeaning? Meaning = null);

/// <summary>Says who gets and who loses access.</summary>
/// <param name="SelectorsGained">Pairs of selectors that are allowed anew.</param>
/// <param name="SelectorsLost">Pairs of selectors that are no longer allowed.</param>
/// <param name="Gained">Pairs of nodes of which the first may open connections to the second, and might not before.</param>
/// <param name="Lost">Pairs of nodes of which the first may no longer open connections to the second.</param>
/// <param name="Complete">Whether everything was counted; where not, there are at least so many.</param>
sealed record PolicyMeaning(AccessReport SelectorsGained, AccessReport SelectorsLost, AccessReport Gained, AccessReport Lost, bool Complete);

/// <summary>Counts pairs and names the first of them.</summary>
sealed record AccessReport(long Count, IReadOnlyList<AccessEntry> Named);

/// <summary>Is a direction of access.</summary>
sealed record AccessEntry(string From, string To);

/// <summary>Lists what happened, in the journal's order.</summary>
/// <param name="Entries">What was asked for.</param>
/// <param name="Upto">The ordering of the newest event that was looked at: what comes later is behind it.</param>
sealed record AuditList(IReadOnlyList<AuditLine> Entries, long Upto);

/// <summary>Is one thing that happened.</summary>
sealed record AuditLine(long Ordering, WallTime At, string By, string Kind, string Subject, string Detail);

/// <summary>Shows the controllers of the network and who does what.</summary>
sealed record ClusterReport(IReadOnlyList<ClusterMember> Members, IReadOnlyList<ClusterJob> Jobs);

/// <summary>Describes a controller as the others see it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State"><c>alive</c>, <c>stopping</c>, <c>late</c>, <c>stopped</c>, <c>gone</c> or <c>withdrawn</c>.</param>
/// <param name="IsThis">Whether it is the one that was asked.</param>
/// <param name="Addresses">Where nodes find it.</param>
/// <param name="Version">Its program's version; this and what follows is absent where it was never heard of.</param>
/// <param name="StartedAt">When it started.</param>
/// <param name="HeartbeatAt">When it was last heard of.</param>
/// <param name="Revision">The newest revision that it said it knows.</param>
/// <param name="Lag">How many revisions it is behind; absent while it is not up.</param>
/// <param name="Attached">How many nodes are attached to it; absent while it is not up.</param>
/// <param name="ClockOffsetSeconds">By how much its machine's clock is ahead of the database's.</param>
/// <param name="Internal">Where the other controllers find it.</param>
/// <param name="Incarnation">How often it was started.</param>
sealed record ClusterMember(
    ControllerId Id, string State, bool IsThis, IReadOnlyList<string> Addresses, string? Version = null, WallTime? StartedAt = null,
    WallTime? HeartbeatAt = null, long? Revision = null, long? Lag = null, int? Attached = null, double? ClockOffsetSeconds = null,
    string? Internal = null, long? Incarnation = null);

/// <summary>Says who does a job that only one controller need do; the token grows whenever that changes.</summary>
sealed record ClusterJob(string Name, ControllerId Holder, long Token);

/// <summary>Is what the journal holds of a controller, for whoever renews its delegation.</summary>
/// <param name="Controller">The controller.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Delegation">The newest delegation by the root.</param>
/// <param name="Withdrawn">Whether it was withdrawn.</param>
sealed record ControllerRecord(ControllerId Controller, SigningPublicKey RootKey, DsseEnvelope Delegation, bool Withdrawn);

/// <summary>Brings a delegation that the root has signed.</summary>
sealed record NewDelegation(DsseEnvelope Delegation);

/// <summary>Says who knows that a controller was withdrawn.</summary>
/// <param name="Controller">The controller.</param>
/// <param name="Nodes">How many nodes were attached to the controller that was asked.</param>
/// <param name="Told">How many of them know.</param>
/// <param name="ElapsedSeconds">From the commit to the last acknowledgement.</param>
sealed record RemovalReport(ControllerId Controller, int Nodes, int Told, double ElapsedSeconds);

/// <summary>Says what the network root signed, or is asked to sign.</summary>
/// <param name="Network">The network.</param>
/// <param name="Epoch">The network's epoch.</param>
/// <param name="Controller">The controller.</param>
/// <param name="KeyHash">What is compared on both machines.</param>
/// <param name="Rights">What the controller is let do.</param>
/// <param name="Until">The end; absent while nothing is signed.</param>
/// <param name="Request">The file that holds the request; absent once it is signed.</param>
sealed record DelegationReport(
    NetworkId Network, int Epoch, ControllerId Controller, Digest256 KeyHash, IReadOnlyList<string> Rights, WallTime? Until = null,
    string? Request = null);

/// <summary>Is what <c>version --json</c> prints.</summary>
sealed record VersionReport(string Version);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(WallTimeJsonConverter), typeof(JsonStringEnumConverter<ActorActivity>)],
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(JournalReport))]
[JsonSerializable(typeof(BackupReport))]
[JsonSerializable(typeof(RestoreReport))]
[JsonSerializable(typeof(NewUser))]
[JsonSerializable(typeof(UserEntry))]
[JsonSerializable(typeof(UserList))]
[JsonSerializable(typeof(NewCredential))]
[JsonSerializable(typeof(CreatedCredential))]
[JsonSerializable(typeof(CredentialEntry))]
[JsonSerializable(typeof(CredentialList))]
[JsonSerializable(typeof(NodeEntry))]
[JsonSerializable(typeof(NodeList))]
[JsonSerializable(typeof(NewName))]
[JsonSerializable(typeof(NewOwner))]
[JsonSerializable(typeof(NewExpiry))]
[JsonSerializable(typeof(NodeDeletion))]
[JsonSerializable(typeof(DeletedNode))]
[JsonSerializable(typeof(RevocationReport))]
[JsonSerializable(typeof(PolicyText))]
[JsonSerializable(typeof(PolicyReport))]
[JsonSerializable(typeof(MapReport))]
[JsonSerializable(typeof(PolicyVersionList))]
[JsonSerializable(typeof(PolicyRollback))]
[JsonSerializable(typeof(PolicyComparison))]
[JsonSerializable(typeof(AuditList))]
[JsonSerializable(typeof(AuditVerification))]
[JsonSerializable(typeof(ControllerRecord))]
[JsonSerializable(typeof(NewDelegation))]
[JsonSerializable(typeof(RemovalReport))]
[JsonSerializable(typeof(DelegationReport))]
[JsonSerializable(typeof(VersionReport))]
[JsonSerializable(typeof(ClusterReport))]
[JsonSerializable(typeof(ActorReport))]
[JsonSerializable(typeof(PruneRequest))]
[JsonSerializable(typeof(PruneAnswer))]
[JsonSerializable(typeof(NewToken))]
[JsonSerializable(typeof(CreatedToken))]
[JsonSerializable(typeof(TokenEntry))]
[JsonSerializable(typeof(TokenList))]
sealed partial class AdminJson : JsonSerializerContext;
