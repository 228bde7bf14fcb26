using System.Net.Sockets;
using Mesh.Protocol.Enrollment;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is the lab's controller on its machine.</summary>
sealed class LabController
{
    readonly MeshLab _lab;
    readonly string _folder;

    internal LabController(MeshLab lab, Netns ns, string address, string folder, string config)
    {
        _lab = lab;
        Ns = ns;
        Address = address;
        _folder = folder;
        Directory.CreateDirectory(folder);
        ConfigFile = Path.Combine(folder, "controller.hocon");
        File.WriteAllText(ConfigFile, config);
        Server = new LabProgram(ns, "mesh-controller serve", Programs.Controller,
            ["serve", "--config", ConfigFile, "--state-dir", StateDir, "--socket", Socket, "--listen", $"{address}:{Port}", "--advertise", $"{address}:{Port}"]);
    }

    /// <summary>The HTTPS port.</summary>
    public const int Port = 8443;

    /// <summary>Gets the machine.</summary>
    public Netns Ns { get; }

    /// <summary>Gets the machine's address.</summary>
    public string Address { get; }

    /// <summary>Gets the server.</summary>
    public LabProgram Server { get; }

    /// <summary>Gets where nodes find it.</summary>
    public string Endpoint => $"{Address}:{Port}";

    /// <summary>Gets the configuration file.</summary>
    public string ConfigFile { get; }

    /// <summary>Gets the file that holds the network root's key, at the controller that made the network.</summary>
    public string RootKey => Path.Combine(StateDir, "root.key");

    /// <summary>Gets the controller's id, as it shows it.</summary>
    public string Id => System.Text.RegularExpressions.Regex.Match(Run("status").MustExit().Output, @"(?m)^controller +(\w{16}),").Groups[1].Value;

    /// <summary>Gets the state directory.</summary>
    public string StateDir => Path.Combine(_folder, "state");

    /// <summary>Gets the admin socket.</summary>
    public string Socket => Path.Combine(_folder, "admin.sock");

    /// <summary>Starts the server and waits until it serves admins and nodes.</summary>
    public async Task StartAsync(double seconds = 30)
    {
        Server.Start();
        await Eventually.TrueAsync("the controller answers", TimeSpan.FromSeconds(seconds), () => Server.IsRunning
            ? UnixHttp.Listens(Socket) && Accepts()
            : throw new InvalidOperationException($"the controller ended\n{Server.Tail()}"));
    }

    /// <summary>Runs a verb of <c>mesh-controller</c> on the machine.</summary>
    public ProcessResult Run(params string[] arguments) =>
        _lab.Record(Ns.Run(TimeSpan.FromSeconds(60), Programs.Controller, [.. arguments, "--socket", Socket]));

    /// <summary>Makes a user.</summary>
    public void CreateUser(string name) => Run("user", "create", name).MustExit();

    /// <summary>Makes a credential and gives its text.</summary>
    public string CreateCredential(string user = "alice", params string[] more)
    {
        var text = Run(["credential", "create", "--user", user, .. more]).MustExit().Output.Trim();
        Assert.True(CredentialString.TryParse(text, out _), "credential create prints the credential alone");
        _lab.Secret(text);
        return text;
    }

    /// <summary>Puts a policy into force.</summary>
    public void SetPolicy(string yaml)
    {
        var file = Path.Combine(_folder, "policy.yaml");
        File.WriteAllText(file, yaml);
        Run("policy", "set", "-f", file).MustExit();
    }

    bool Accepts()
    {
        using var socket = NetnsSocket.Create(Ns, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(Address, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
