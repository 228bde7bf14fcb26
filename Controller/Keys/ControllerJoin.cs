using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Keys;

/// <summary>Is what a machine that becomes another controller knows of its network, from the journal.</summary>
/// <param name="Network">The network.</param>
/// <param name="RootKey">The network root's public key.</param>
/// <param name="Epoch">The newest epoch.</param>
/// <param name="Withdrawn">The controllers that are withdrawn.</param>
sealed record JoinedNetwork(NetworkId Network, SigningPublicKey RootKey, int Epoch, IReadOnlySet<ControllerId> Withdrawn);

/// <summary>
/// Makes the identity of another controller of a network in an empty state directory: first the keys, then what is to be signed, and once
/// the network root's delegation is there, <c>controller.json</c>, which makes it one. Cut short anywhere, it begins again: with the same
/// keys, as long as the network is the same.
/// </summary>
sealed class ControllerJoin
{
    const string DraftName = "join.json";

    // What this class writes itself, and what opening a directory leaves in it.
    static readonly string[] OwnFiles = ["lock", DraftName, "join.request", "signing.key", "authority.key"];

    readonly StateDirectory _state;
    readonly byte[] _authority;

    ControllerJoin(StateDirectory state, DelegationRequest request, byte[] authority) =>
        (_state, Request, _authority) = (state, request, authority);

    /// <summary>Gets what is to be signed.</summary>
    public DelegationRequest Request { get; }

    /// <summary>Gets where the request is written where nobody says.</summary>
    public string RequestPath => Path.Combine(_state.Path, "join.request");

    /// <summary>Makes the keys, or takes up those of an earlier attempt; null where the directory holds a controller of this network already.</summary>
    /// <param name="state">The locked directory.</param>
    /// <param name="network">The network to join.</param>
    /// <param name="now">The time.</param>
    /// <param name="entropy">Randomness.</param>
    /// <exception cref="CommandException">The directory belongs to something else (78), or to a withdrawn controller (77).</exception>
    public static ControllerJoin? Begin(StateDirectory state, JoinedNetwork network, WallTime now, IEntropy entropy)
    {
        if (File.Exists(state.IdentityPath))
        {
            using var keys = ControllerKeys.Open(state);
            if (keys.Network != network.Network || keys.RootKey != network.RootKey)
                throw new CommandException(
                    ExitCode.BadConfiguration,
                    $"{state.Path} is the state of controller {keys.Controller} of network {keys.Network}, the journal is of {network.Network}: name an empty directory with --state-dir");
            if (network.Withdrawn.Contains(keys.Controller))
                throw new CommandException(
                    ExitCode.Refused,
                    $"{state.Path} is the state of controller {keys.Controller}, which was withdrawn for ever: name an empty directory with --state-dir");
            return null;
        }
        if (Directory.EnumerateFileSystemEntries(state.Path).Select(Path.GetFileName).FirstOrDefault(
            one => !OwnFiles.Contains(one!.EndsWith(".new", StringComparison.Ordinal) ? one[..^4] : one, StringComparer.Ordinal)) is { } other)
            throw new CommandException(
                ExitCode.BadConfiguration,
                $"{state.Path} is not empty (it holds {other}): another controller needs a state directory of its own, name it with --state-dir");
        return Resume(state, network) ?? Make(state, network, now, entropy);
    }

    /// <summary>Takes the root's delegation: from here on the directory is a controller's.</summary>
    /// <exception cref="CommandException">It is not the root's answer to <see cref="Request"/> (77).</exception>
    public void Complete(DsseEnvelope delegation, WallTime now, string name)
    {
        Request.Check(delegation, now, name);
        var identity = new ControllerIdentity(
            Request.Network, Request.Controller, Request.Epoch, Request.RootKey, _authority, delegation);
        PrivateFile.Write(_state.IdentityPath, JsonSerializer.SerializeToUtf8Bytes(identity, IdentityJson.Default.ControllerIdentity));
        File.Delete(Path.Combine(_state.Path, DraftName));
        File.Delete(RequestPath);
    }

    // The draft is written last: what it speaks of is whole.
    static ControllerJoin Make(StateDirectory state, JoinedNetwork network, WallTime now, IEntropy entropy)
    {
        var controller = TypedId.Create<ControllerId>(entropy);
        using var signingKey = new SigningPrivateKey(entropy);
        using var authority = CertificateAuthority.Create(controller, now);
        var request = new DelegationRequest(
            DelegationRequest.Version, network.Network, network.RootKey, network.Epoch, controller, Ed25519.ComputePublicKey(signingKey),
            CertificatePin.AuthorityHash(authority.Certificate));
        var draft = new JoinDraft(request, authority.Certificate.RawData);
        PrivateFile.Write(state.SigningKeyPath, signingKey.ExportBase64() + "\n");
        PrivateFile.Write(state.AuthorityKeyPath, authority.ExportPrivateKeyPem() + "\n");
        PrivateFile.Write(Path.Combine(state.Path, DraftName), JsonSerializer.SerializeToUtf8Bytes(draft, JoinJson.Default.JoinDraft));
        return new ControllerJoin(state, request, draft.Authority);
    }

    // Keys of an attempt for another network, or for an epoch that is over, are of no use to anybody: they are made anew.
    static ControllerJoin? Resume(StateDirectory state, JoinedNetwork network)
    {
        var path = Path.Combine(state.Path, DraftName);
        if (!File.Exists(path))
            return null;
        JoinDraft? draft;
        try
        {
            draft = JsonSerializer.Deserialize(PrivateFile.Read(path), JoinJson.Default.JoinDraft);
        }
        catch (JsonException)
        {
            return null;
        }
        if (draft is null || draft.Request.Network != network.Network || draft.Request.RootKey != network.RootKey
            || draft.Request.Epoch != network.Epoch || network.Withdrawn.Contains(draft.Request.Controller)
            || !HasKeys(state, draft))
            return null;
        return new ControllerJoin(state, draft.Request, draft.Authority);
    }

    static bool HasKeys(StateDirectory state, JoinDraft draft)
    {
        if (!File.Exists(state.SigningKeyPath) || !File.Exists(state.AuthorityKeyPath))
            return false;
        var text = Encoding.ASCII.GetString(PrivateFile.Read(state.SigningKeyPath)).Trim();
        if (!Octets32.TryParse(text, out _))
            return false;
        var seed = Convert.FromBase64String(text);
        using var signingKey = new SigningPrivateKey(seed);
        CryptographicOperations.ZeroMemory(seed);
        if (Ed25519.ComputePublicKey(signingKey) != draft.Request.SigningKey
            || !CertificateAuthority.TryLoad(Encoding.ASCII.GetString(PrivateFile.Read(state.AuthorityKeyPath)), draft.Authority, out var authority))
            return false;
        using (authority)
            return CertificatePin.AuthorityHash(authority.Certificate) == draft.Request.AuthorityHash;
    }
}

/// <summary>Is a controller that waits for the root's word, as <c>join.json</c> in the state directory keeps it.</summary>
/// <param name="Request">What is to be signed.</param>
/// <param name="Authority">The certificate of its authority, in DER.</param>
sealed record JoinDraft(DelegationRequest Request, byte[] Authority);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(JoinDraft))]
sealed partial class JoinJson : JsonSerializerContext;
