using System.Text;
using System.Text.Json;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Controller.Api;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>Makes another controller of the network of a first one, whose root key still lies in its state directory.</summary>
static class SecondController
{
    public static async Task<RunningController> StartAsync(RunningController first, PostgresPlace database)
    {
        var second = new RunningController { Database = database };
        Prepare(first.StateDirectory, second.StateDirectory);
        await second.StartFirstAsync();
        return second;
    }

    static void Prepare(string from, string to)
    {
        var identity = JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(from, "controller.json")), IdentityJson.Default.ControllerIdentity)!;
        Assert.True(ProtocolJson.TryDecode(identity.Delegation.Payload, ProtocolJson.Default.Delegation, out var known));
        var rootPath = Path.Combine(from, "root.key");
        using var root = RootKeyFile.Parse(File.ReadAllText(rootPath), null, rootPath);
        using var state = StateDirectory.Open(to);
        var now = WallTime.From(DateTimeOffset.UtcNow);
        var controller = TypedId.Create<ControllerId>(SystemEntropy.Instance);
        using var signing = new SigningPrivateKey(SystemEntropy.Instance);
        using var authority = CertificateAuthority.Create(controller, now);
        var statement = known with
        {
            Controller = controller, SigningKey = Ed25519.ComputePublicKey(signing), AuthorityHash = CertificatePin.AuthorityHash(authority.Certificate),
        };
        var delegation = DsseEnvelope.Sign(PayloadTypes.Delegation, ProtocolJson.Encode(statement, ProtocolJson.Default.Delegation), root, "root");
        PrivateFile.Write(state.SigningKeyPath, signing.ExportBase64() + "\n");
        PrivateFile.Write(state.AuthorityKeyPath, authority.ExportPrivateKeyPem() + "\n");
        PrivateFile.Write(state.IdentityPath, JsonSerializer.SerializeToUtf8Bytes(
            identity with { Controller = controller, Authority = authority.Certificate.RawData, Delegation = delegation },
            IdentityJson.Default.ControllerIdentity));
    }
}
