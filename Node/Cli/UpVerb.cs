using System.CommandLine;
using Mesh.Node.Enrollment;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary>
/// <c>mesh up</c>: joins a network with a credential, or brings up the one that this machine belongs to. Exit code 1 where the machine
/// waits for approval or must join again.
/// </summary>
static class UpVerb
{
    // The daemon gives up first, and says why; the command line waits this much longer for its word.
    static readonly TimeSpan _grace = TimeSpan.FromSeconds(5);

    public static Command Create(CliConsole console)
    {
        var key = new Option<string?>("--auth-key")
        {
            Description = "Credential: file:PATH, - for standard input, or the text itself (or MESH_AUTH_KEY_FILE=PATH)",
            HelpName = "CREDENTIAL",
        };
        var hostname = new Option<string?>("--hostname") { Description = "Name to wish for (default: the machine's own)", HelpName = "NAME" };
        var force = new Option<bool>("--force-reauth") { Description = "Join again with the credential although this machine is in the network" };
        var timeout = CommonOptions.Duration("--timeout", "How long the whole may take", TimeSpan.FromSeconds(30));
        var socket = CommonOptions.Socket();
        var verb = new Verb("up", "Join a network, or bring the tunnel up again.", "mesh up --auth-key file:/root/credential") { key, hostname, force, timeout, socket };
        verb.SetAction(async (parsed, cancel) =>
        {
            var source = parsed.GetValue(key) ?? (console.Environment("MESH_AUTH_KEY_FILE") is { Length: > 0 } path ? $"file:{path}" : null);
            var credential = source is null ? null : CredentialSource.Read(source, console.In);
            if (parsed.GetValue(force) && credential is null)
                throw new MeshFailureException(ExitCodes.Usage, "--force-reauth joins again with a credential: name one with --auth-key");
            var wait = parsed.GetDuration(timeout);
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(wait + _grace);
            try
            {
                var reply = await client.PostAsync("/v1/up", new UpRequest(credential?.Export(), parsed.GetValue(hostname), wait.TotalSeconds, parsed.GetValue(force)),
                    LocalJson.Default.UpRequest, LocalJson.Default.UpReply, limit.Token);
                console.Out.WriteLine(reply.Enrolled
                    ? $"joined network {reply.Network} as {reply.Name}: {string.Join(' ', reply.Addresses)}"
                    : $"up as {reply.Name} in network {reply.Network}: {string.Join(' ', reply.Addresses)}");
                if (reply.Expired)
                    throw new MeshFailureException(ExitCodes.Failed, "this machine's time in the network is over and it has no peers: mesh up --auth-key with a new credential");
                if (reply.Waits)
                    throw new MeshFailureException(ExitCodes.Failed, $"this machine waits for approval and has no peers: an admin lets it in with mesh-controller node approve {reply.Name}");
                return ExitCodes.Done;
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new MeshFailureException(ExitCodes.TryAgain, "the daemon did not answer in time: mesh status says how far it came");
            }
        });
        return verb;
    }
}
