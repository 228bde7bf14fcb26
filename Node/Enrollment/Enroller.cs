using System.Security.Cryptography;
using Mesh.Actors.Control;
using Mesh.Node.Control;
using Mesh.Node.State;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Node.Enrollment;

/// <summary>Is what an enrollment came to: verified, not yet kept.</summary>
/// <param name="Record">The membership.</param>
/// <param name="Trust">The first map.</param>
sealed record Membership(NetworkRecord Record, MapTrust Trust);

/// <summary>Describes the machine to a controller.</summary>
/// <param name="Hostname">The name to wish for.</param>
/// <param name="Os">The operating system, as shown to people.</param>
/// <param name="Version">The program's version.</param>
sealed record MachineDescription(string Hostname, string Os, string Version);

/// <summary>Says that a machine is another user's node than the credential's: it joins with new keys or not at all.</summary>
sealed class OtherOwnerException(string message) : Exception(message);

/// <summary>
/// Joins a network: asks the controllers that a credential names, in order, and believes the answer only where it leads back to
/// the network root whose hash the credential carries. Safe for concurrent use.
/// </summary>
sealed class Enroller(TimeProvider time)
{
    static readonly TimeSpan _attemptTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Enrolls. The same keys with the same credential may be tried again however an attempt ended.</summary>
    /// <exception cref="MeshFailureException">It did not come to pass; the exit code says why.</exception>
    /// <exception cref="OtherOwnerException">With these keys the machine is another user's node.</exception>
    public async Task<Membership> EnrollAsync(
        CredentialString credential, NodeIdentity identity, MachineDescription machine, CancellationToken cancel)
    {
        var failures = new List<string>();
        var foreign = false;
        // A reply that was cut may stand behind a commit: one more round asks for it again.
        for (var round = 0; round < 2; round++)
        {
            var cut = false;
            foreach (var address in credential.Controllers)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(_attemptTimeout);
                using var connection = new ControllerConnection(address, credential.RootHash, expected: null, certificate: null, time);
                try
                {
                    var reply = await AskAsync(connection, credential, identity, machine, limit.Token);
                    return Verify(reply, credential, identity);
                }
                catch (ControlRefusedException refused) when (refused.Code is RefusalCodes.OtherOwner)
                {
                    throw new OtherOwnerException(Printable(refused.Message));
                }
                catch (ControlRefusedException refused) when (refused.Code is not (RefusalCodes.Unavailable))
                {
                    throw Explain(refused);
                }
                catch (ControlRefusedException refused)
                {
                    failures.Add($"{address}: {refused.Message}");
                }
                catch (IOException failure)
                {
                    foreign |= connection.Refusal != PinRefusal.None;
                    cut |= connection.WasConnected;
                    failures.Add($"{address}: {failure.Message}");
                }
                catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
                {
                    cut |= connection.WasConnected;
                    failures.Add($"{address}: no answer in time");
                }
                catch (OperationCanceledException)
                {
                    failures.Add($"{address}: no answer in time");
                    throw Unreachable(failures);
                }
            }
            if (!cut)
                break;
        }
        throw foreign
            ? new MeshFailureException(ExitCodes.Refused,
                $"what answers is not the network of this credential: {string.Join("; ", failures.Distinct())}; check the address, or ask for a new credential")
            : Unreachable(failures);
    }

    async Task<EnrollReply> AskAsync(
        ControllerConnection connection, CredentialString credential, NodeIdentity identity, MachineDescription machine, CancellationToken cancel)
    {
        var request = identity.CreateCertificateRequest();
        var proof = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(identity.Signing,
            EnrollProof.Bytes(credential.Id, credential.RootHash, identity.SigningPublicKey, identity.TunnelPublicKey, request), proof);
        return await connection.PostAsync("/v1/enroll",
            new EnrollRequest(
                credential.Id, credential.Secret.ToArray(), identity.SigningPublicKey, identity.TunnelPublicKey, request,
                machine.Hostname, machine.Os, machine.Version, WallTime.From(time.GetUtcNow()), proof),
            ProtocolJson.Default.EnrollRequest, ProtocolJson.Default.EnrollReply, cancel);
    }

    Membership Verify(EnrollReply reply, CredentialString credential, NodeIdentity identity)
    {
        if (Sha256.Hash(reply.RootKey.Value.Span) != credential.RootHash)
            throw NotBelieved("its root key is not the one that the credential names");
        var empty = new MapTrust { Network = reply.Network, Node = reply.Node, Root = reply.RootKey };
        var refusal = empty.TryAccept(reply.Map, WallTime.From(time.GetUtcNow()), out var trust);
        if (refusal != TrustRefusal.None)
            throw NotBelieved($"its map is refused ({refusal})");
        if (trust.Body is null)
            throw NotBelieved("it carries no full map");
        try
        {
            using var certificate = NodeCertificate.Load(reply.Certificates, identity.Tls);
        }
        catch (CryptographicException failure)
        {
            throw NotBelieved(failure.Message);
        }
        return new Membership(
            new NetworkRecord(reply.Network, reply.Node, trust.Body.Self.Name, reply.RootKey, credential.Controllers, reply.Certificates), trust);
    }

    static MeshFailureException NotBelieved(string why) =>
        new(ExitCodes.Refused, $"the controller's answer is not believed: {why}; nothing was changed");

    static MeshFailureException Unreachable(List<string> failures) =>
        new(ExitCodes.Unreachable, $"no controller could be reached ({string.Join("; ", failures.Distinct())}): check the network and the controller, then run the same command again");

    static MeshFailureException Explain(ControlRefusedException refused) => refused.Code switch
    {
        RefusalCodes.Used => Refused("this credential was used already, by another machine: ask for a new one (mesh-controller credential create)"),
        RefusalCodes.Expired => Refused("this credential has expired: ask for a new one (mesh-controller credential create)"),
        RefusalCodes.Revoked => Refused("this credential was revoked: ask for a new one (mesh-controller credential create)"),
        RefusalCodes.Unknown => Refused("the controller does not know this credential: check that it was copied whole, or ask for a new one (mesh-controller credential create)"),
        RefusalCodes.ClockSkew => Refused(Printable(refused.Message)),
        RefusalCodes.NodeRevoked => Refused("this machine's keys were revoked: mesh logout, then mesh up --auth-key with a new credential"),
        RefusalCodes.Malformed => new MeshFailureException(ExitCodes.Usage, $"the controller cannot read the request: {Printable(refused.Message)}"),
        RefusalCodes.Limited => new MeshFailureException(ExitCodes.TryAgain,
            $"too many attempts with a wrong credential from this address: try again in {Math.Max(1, refused.RetryAfterSeconds ?? 30)} seconds"),
        RefusalCodes.Exhausted => new MeshFailureException(ExitCodes.Failed, $"the network has no room: {Printable(refused.Message)}"),
        _ => new MeshFailureException(ExitCodes.Refused, $"the controller refuses ({Printable(refused.Code)}): {Printable(refused.Message)}"),
    };

    static MeshFailureException Refused(string message) => new(ExitCodes.Refused, message);

    static string Printable(string text) => new([.. text.Where(character => !char.IsControl(character)).Take(300)]);
}
