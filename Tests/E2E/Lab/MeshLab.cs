using System.Collections.Concurrent;
using System.Text;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Is a small internet with a controller and nodes on it, made of the published programs and network namespaces:
/// <code>
///   controller 10.98.1.1    a 10.98.1.11    b 10.98.1.12   ...  stranger 10.98.1.200
///          \                    |              |                    /
///           +------------------ bridge (10.98.1.0/24, fd98:1::/64) +
/// </code>
/// State is in a temporary folder; everything is removed at the end. Where a scenario fails, the last lines of every program are
/// attached to its output.
/// </summary>
sealed class MeshLab : IAsyncDisposable
{
    readonly NetnsTopology _topology;
    readonly string _folder;
    readonly Netns _switch;
    readonly List<LabNode> _nodes = [];
    readonly Dictionary<Netns, string> _ports = [];
    readonly ConcurrentQueue<ProcessResult> _commands = new();
    readonly ConcurrentBag<string> _secrets = [];
    readonly bool _ipv4Only;
    readonly string _controllerConfig;
    readonly List<LabController> _controllers = [];
    int _machines;

    MeshLab(string prefix, string controllerConfig, bool ipv4Only)
    {
        _topology = new NetnsTopology(prefix);
        (_ipv4Only, _controllerConfig) = (ipv4Only, controllerConfig);
        try
        {
            _folder = _topology.TempFolder();
            _switch = _topology.AddSwitch();
            var machine = _topology.Add("controller");
            Attach(machine, 1);
            Controller = new LabController(this, machine, "10.98.1.1", Path.Combine(_folder, "controller"), controllerConfig);
            _controllers.Add(Controller);
        }
        catch
        {
            _topology.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>Allows everybody everything.</summary>
    public const string AllowAll = "version: 1\nallow:\n  - from: [\"*\"]\n    to: [\"*\"]\n";

    /// <summary>Gets the controller.</summary>
    public LabController Controller { get; }

    /// <summary>Gets all controllers in the order they were added.</summary>
    public IReadOnlyList<LabController> Controllers => _controllers;

    /// <summary>Gets the nodes in the order they were added.</summary>
    public IReadOnlyList<LabNode> Nodes => _nodes;

    /// <summary>Gets the machine that holds the bridge: what crosses the underlay is seen there on <c>br0</c>.</summary>
    public Netns Switch => _switch;

    /// <summary>Gets the folder that everything of the lab lies in.</summary>
    public string Folder => _folder;

    /// <summary>Runs a scenario in a lab with a started controller, the user alice and machines that have not joined.</summary>
    /// <param name="prefix">Short and unique to the scenario.</param>
    /// <param name="output">Where the evidence goes.</param>
    /// <param name="nodes">The machines' names.</param>
    /// <param name="scenario">What happens.</param>
    /// <param name="controllerConfig">The configuration of every controller.</param>
    /// <param name="ipv4Only">Whether the underlay has no IPv6.</param>
    /// <param name="prepare">What happens before the controller starts.</param>
    public static async Task RunAsync(
        string prefix, ITestOutputHelper output, string[] nodes, Func<MeshLab, Task> scenario, string controllerConfig = "", bool ipv4Only = false,
        Action<MeshLab>? prepare = null)
    {
        await using var lab = new MeshLab(prefix, controllerConfig, ipv4Only);
        try
        {
            prepare?.Invoke(lab);
            await lab.Controller.StartAsync();
            lab.Controller.CreateUser("alice");
            foreach (var name in nodes)
                await lab.AddNode(name).StartAsync();
            await scenario(lab);
        }
        catch
        {
            output.WriteLine(lab.Evidence());
            throw;
        }
    }

    /// <summary>As <see cref="RunAsync"/>, with everybody joined and everything allowed.</summary>
    public static Task RunJoinedAsync(string prefix, ITestOutputHelper output, string[] nodes, Func<MeshLab, Task> scenario, string controllerConfig = "", bool ipv4Only = false) =>
        RunAsync(prefix, output, nodes, async lab =>
        {
            lab.Controller.SetPolicy(AllowAll);
            foreach (var node in lab.Nodes)
                await node.JoinAsync();
            await lab.EverybodyKnowsEverybodyAsync();
            await scenario(lab);
        }, controllerConfig, ipv4Only);

    /// <summary>Finds a node by name.</summary>
    public LabNode this[string name] => _nodes.Single(node => node.Name == name);

    /// <summary>Adds a machine with the daemon not started yet.</summary>
    public LabNode AddNode(string name)
    {
        var host = 11 + _nodes.Count;
        var machine = _topology.Add(name);
        Attach(machine, host);
        var node = new LabNode(this, machine, name, $"10.98.1.{host}", $"fd98:1::{host:x}", Path.Combine(_folder, name));
        _nodes.Add(node);
        return node;
    }

    /// <summary>Adds a machine for another controller, with an empty state directory and the same configuration; there is room for ten.</summary>
    public LabController AddController()
    {
        var host = 1 + _controllers.Count;
        var machine = _topology.Add($"controller{host}");
        Attach(machine, host);
        var controller = new LabController(this, machine, $"10.98.1.{host}", Path.Combine(_folder, $"controller{host}"), _controllerConfig);
        _controllers.Add(controller);
        return controller;
    }

    /// <summary>Adds a machine of nobody: an attacker, a middleman, a client of the test.</summary>
    public (Netns Ns, string Address) AddStranger()
    {
        var host = 200 + _machines++;
        var machine = _topology.Add($"x{host}");
        Attach(machine, host);
        return (machine, $"10.98.1.{host}");
    }

    /// <summary>Pulls a machine's cable, or puts it in again.</summary>
    public void Plug(Netns machine, bool isIn) => _switch.Ip("link", "set", _ports[machine], isIn ? "up" : "down");

    /// <summary>Waits until every attached node has every other as a peer.</summary>
    public async Task EverybodyKnowsEverybodyAsync()
    {
        foreach (var node in _nodes)
        {
            await Eventually.TrueAsync($"{node.Name} knows the others", TimeSpan.FromSeconds(10),
                async () => (await node.StatusAsync()).Peers.Count == _nodes.Count - 1);
        }
    }

    /// <summary>Keeps what a command said, for the evidence and for the search for secrets.</summary>
    public ProcessResult Record(ProcessResult result)
    {
        _commands.Enqueue(result);
        return result;
    }

    /// <summary>Remembers a credential, which must be found nowhere but in the output of the command that made it.</summary>
    public void Secret(string credential) => _secrets.Add(credential);

    /// <summary>Gets the credentials that were made.</summary>
    public IReadOnlyCollection<string> Secrets => _secrets;

    /// <summary>Gets what every command said, in order.</summary>
    public IReadOnlyCollection<ProcessResult> Commands => _commands;

    /// <summary>Gets everything that the programs of the lab wrote.</summary>
    public string Output => string.Concat(_controllers.Select(controller => controller.Server).Concat(_nodes.Select(node => node.Daemon)).Select(program => program.Output));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _topology.DisposeAsync();

    void Attach(Netns machine, int host) => _ports[machine] =
        _topology.Attach(machine, _switch, _ipv4Only ? [$"10.98.1.{host}/24"] : [$"10.98.1.{host}/24", $"fd98:1::{host:x}/64"]);

    string Evidence()
    {
        var text = new StringBuilder();
        foreach (var command in _commands.TakeLast(12))
            text.AppendLine(command.ToString());
        foreach (var program in _controllers.Select(controller => controller.Server).Concat(_nodes.Select(node => node.Daemon)))
            text.AppendLine(program.Tail());
        foreach (var secret in _secrets)
            text.Replace(secret, secret[..8] + "...");
        return text.ToString();
    }
}
