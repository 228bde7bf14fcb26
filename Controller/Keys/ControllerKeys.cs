using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mesh.Actors.Ports;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Keys;

/// <summary>
/// Holds what makes a controller a controller: its Ed25519 signing key, its certificate authority and the network root's delegation
/// of both. The keys exist on this machine only. The root's own key is read only while a delegation is signed. Safe for concurrent use.
/// </summary>
sealed class ControllerKeys : IMapSigner, IDisposable
{
    /// <summary>How long a delegation counts.</summary>
    public static readonly TimeSpan DelegationLifetime = TimeSpan.FromDays(365);

    readonly SigningPrivateKey _signingKey;
    volatile DsseEnvelope _delegation;
    volatile Delegation _statement;

    ControllerKeys(SigningPrivateKey signingKey, CertificateAuthority authority, ControllerIdentity identity, Delegation statement)
    {
        _signingKey = signingKey;
        Authority = authority;
        Network = identity.Network;
        Controller = identity.Controller;
        Epoch = identity.Epoch;
        RootKey = identity.RootKey;
        RootHash = Sha256.Hash(identity.RootKey.Value.Span);
        _delegation = identity.Delegation;
        _statement = statement;
    }

    /// <summary>Gets the network.</summary>
    public NetworkId Network { get; }

    /// <inheritdoc/>
    public ControllerId Controller { get; }

    /// <inheritdoc/>
    public int Epoch { get; }

    /// <summary>Gets the network root's public key.</summary>
    public SigningPublicKey RootKey { get; }

    /// <summary>Gets what credentials carry and nodes pin: the SHA-256 digest of <see cref="RootKey"/>.</summary>
    public Digest256 RootHash { get; }

    /// <summary>Gets the authority that issues TLS certificates.</summary>
    public CertificateAuthority Authority { get; }

    /// <inheritdoc/>
    public DsseEnvelope Delegation => _delegation;

    /// <summary>Gets what <see cref="Delegation"/> says.</summary>
    public Delegation DelegationStatement => _statement;

    /// <inheritdoc/>
    public DsseEnvelope Sign(string payloadType, ReadOnlySpan<byte> payload) =>
        DsseEnvelope.Sign(payloadType, payload, _signingKey, Controller.ToString());

    /// <summary>Opens the keys in a state directory, or makes a network and its first controller in a new one.</summary>
    /// <param name="state">The locked directory.</param>
    /// <param name="passphrase">Encrypts the network root where it is made.</param>
    /// <param name="now">The time.</param>
    /// <param name="entropy">Randomness.</param>
    /// <param name="created">Whether this was the first start.</param>
    /// <exception cref="CommandException">A file is missing, damaged or readable by others.</exception>
    public static ControllerKeys OpenOrCreate(StateDirectory state, byte[]? passphrase, WallTime now, IEntropy entropy, out bool created)
    {
        created = !File.Exists(state.IdentityPath);
        return created ? Create(state, passphrase, now, entropy) : Open(state);
    }

    /// <summary>Tells whether enough of the delegation's life is over that it should be renewed: a third.</summary>
    public bool IsRenewalDue(WallTime now) => now >= _statement.NotBefore + (_statement.NotAfter - _statement.NotBefore) / 3;

    /// <summary>
    /// Renews the delegation where the root key lies in the state directory and can be opened; false where it is not at hand.
    /// </summary>
    public bool TryRenew(StateDirectory state, byte[]? passphrase, WallTime now)
    {
        if (!File.Exists(state.RootKeyPath))
            return false;
        var text = Encoding.UTF8.GetString(PrivateFile.Read(state.RootKeyPath));
        using var root = RootKeyFile.Parse(text, passphrase, state.RootKeyPath);
        if (Ed25519.ComputePublicKey(root) != RootKey)
            throw new CommandException(ExitCode.BadConfiguration, $"{state.RootKeyPath} is the root key of another network");
        var statement = _statement with { NotBefore = now - CertificateAuthority.Backdating, NotAfter = now + DelegationLifetime };
        var envelope = SignDelegation(statement, root);
        Save(state.IdentityPath, new ControllerIdentity(Network, Controller, Epoch, RootKey, Authority.Certificate.RawData, envelope));
        _statement = statement;
        _delegation = envelope;
        return true;
    }

    /// <summary>
    /// Takes a delegation that the root has signed for these keys elsewhere, where it lasts for longer than the one in use; false where it
    /// does not, or is none.
    /// </summary>
    public bool TryAdopt(StateDirectory state, DsseEnvelope delegation, WallTime now)
    {
        try
        {
            var statement = DelegationRequest.Of(_statement, RootKey).Check(delegation, now, "it");
            if (statement.NotAfter <= _statement.NotAfter)
                return false;
            Save(state.IdentityPath, new ControllerIdentity(Network, Controller, Epoch, RootKey, Authority.Certificate.RawData, delegation));
            _statement = statement;
            _delegation = delegation;
            return true;
        }
        catch (CommandException e) when (e.ExitCode == ExitCode.Refused)
        {
            return false;
        }
    }

    /// <summary>Zeroes the private keys.</summary>
    public void Dispose()
    {
        _signingKey.Dispose();
        Authority.Dispose();
    }

    /// <summary>
    /// Makes new keys for a network that there is, delegated by its root. They are a controller's only once they are completed: until then
    /// a start does not find them.
    /// </summary>
    /// <param name="state">The locked directory.</param>
    /// <param name="network">The network.</param>
    /// <param name="epoch">The epoch of the delegation.</param>
    /// <param name="root">The network root.</param>
    /// <param name="now">The time.</param>
    /// <param name="entropy">Randomness.</param>
    public static ControllerKeys Prepare(
        StateDirectory state, NetworkId network, int epoch, SigningPrivateKey root, WallTime now, IEntropy entropy) =>
        Make(state, network, epoch, root, now, entropy, state.PreparedIdentityPath);

    /// <summary>Completes what <see cref="Prepare"/> made.</summary>
    public static void Complete(StateDirectory state)
    {
        File.Move(state.PreparedIdentityPath, state.IdentityPath);
        DirectorySync.Flush(state.Path);
    }

    static ControllerKeys Create(StateDirectory state, byte[]? passphrase, WallTime now, IEntropy entropy)
    {
        var network = TypedId.Create<NetworkId>(entropy);
        using var root = new SigningPrivateKey(entropy);
        PrivateFile.Write(state.RootKeyPath, RootKeyFile.Print(root, network, passphrase, entropy));
        return Make(state, network, 1, root, now, entropy, state.IdentityPath);
    }

    // The identity file is written last: until it exists nothing was made, and a start that was cut short begins again.
    static ControllerKeys Make(
        StateDirectory state, NetworkId network, int epoch, SigningPrivateKey root, WallTime now, IEntropy entropy, string identityPath)
    {
        var controller = TypedId.Create<ControllerId>(entropy);
        var signingKey = new SigningPrivateKey(entropy);
        var authority = CertificateAuthority.Create(controller, now);
        var statement = new Delegation(
            network, epoch, controller, Ed25519.ComputePublicKey(signingKey), CertificatePin.AuthorityHash(authority.Certificate), DelegationRequest.Rights,
            now - CertificateAuthority.Backdating, now + DelegationLifetime);
        var identity = new ControllerIdentity(
            network, controller, epoch, Ed25519.ComputePublicKey(root), authority.Certificate.RawData, SignDelegation(statement, root));
        PrivateFile.Write(state.SigningKeyPath, signingKey.ExportBase64() + "\n");
        PrivateFile.Write(state.AuthorityKeyPath, authority.ExportPrivateKeyPem() + "\n");
        Save(identityPath, identity);
        return new ControllerKeys(signingKey, authority, identity, statement);
    }

    /// <summary>Opens the keys in a state directory.</summary>
    /// <exception cref="CommandException">A file is missing, damaged or readable by others.</exception>
    public static ControllerKeys Open(StateDirectory state)
    {
        var identity = Damaged(state.IdentityPath, () =>
            JsonSerializer.Deserialize(PrivateFile.Read(state.IdentityPath), IdentityJson.Default.ControllerIdentity));
        if (!identity.Delegation.Verify(PayloadTypes.Delegation, identity.RootKey)
            || !ProtocolJson.TryDecode(identity.Delegation.Payload, ProtocolJson.Default.Delegation, out var statement)
            || statement.Network != identity.Network || statement.Controller != identity.Controller || statement.Epoch != identity.Epoch)
            throw IsDamaged(state.IdentityPath);

        var seed = Convert.FromBase64String(Damaged(state.SigningKeyPath, () =>
            Encoding.ASCII.GetString(PrivateFile.Read(state.SigningKeyPath)).Trim() is var text && Octets32.TryParse(text, out _)
                ? text
                : null));
        var signingKey = new SigningPrivateKey(seed);
        CryptographicOperations.ZeroMemory(seed);
        if (Ed25519.ComputePublicKey(signingKey) != statement.SigningKey)
            throw IsDamaged(state.SigningKeyPath);

        var pem = Encoding.ASCII.GetString(PrivateFile.Read(state.AuthorityKeyPath));
        if (!CertificateAuthority.TryLoad(pem, identity.Authority, out var authority)
            || CertificatePin.AuthorityHash(authority.Certificate) != statement.AuthorityHash)
            throw IsDamaged(state.AuthorityKeyPath);
        // The root's key is not needed, but one that others can read is told at once, not in a year.
        if (File.Exists(state.RootKeyPath))
            CryptographicOperations.ZeroMemory(PrivateFile.Read(state.RootKeyPath));
        return new ControllerKeys(signingKey, authority, identity, statement);
    }

    static DsseEnvelope SignDelegation(Delegation statement, SigningPrivateKey root) =>
        DsseEnvelope.Sign(PayloadTypes.Delegation, ProtocolJson.Encode(statement, ProtocolJson.Default.Delegation), root, "root");

    static void Save(string path, ControllerIdentity identity) =>
        PrivateFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(identity, IdentityJson.Default.ControllerIdentity));

    static T Damaged<T>(string path, Func<T?> read) where T : class
    {
        try
        {
            return read() ?? throw IsDamaged(path);
        }
        catch (JsonException e)
        {
            throw IsDamaged(path, e);
        }
    }

    static CommandException IsDamaged(string path, Exception? cause = null) =>
        new(ExitCode.BadConfiguration,
            $"{path} is damaged, or belongs to another controller: restore it from a backup of the state directory", cause);
}
