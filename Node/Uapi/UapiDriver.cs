using Mesh.Actors.Device;
using Mesh.Node.Os;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Node.Uapi;

/// <summary>
/// Makes a foreign WireGuard, its interface and the packet filter on it what is wanted, and takes it all back. It outlives the actor that calls it, and
/// knows what was set. Not safe for concurrent use; <see cref="UapiClient"/> beside it is.
/// </summary>
sealed class UapiDriver(TunnelConfiguration configuration, UapiClient client, ITunnelClock clock)
{
    /// <summary>How often the device is looked at while an endpoint is on trial.</summary>
    public static readonly TimeSpan TrialInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often the device is looked at otherwise.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    Dictionary<TunnelPublicKey, EndpointTrial> _trials = [];
    InterfaceConfiguration? _interface;
    string? _filter;
    bool _opened;

    /// <summary>How often the interface had gone and come back.</summary>
    public int Restarts { get; private set; }

    /// <summary>Finds the device and shuts it with an empty filter. What an earlier run left of ours is replaced.</summary>
    /// <exception cref="IOException">Something that is needed is not there; the message says what and what to do.</exception>
    public async Task OpenAsync()
    {
        if (!FilterRuleset.CanName(configuration.Interface))
            throw new IOException($"a packet filter cannot name the interface {configuration.Interface}: the uapi backend takes letters, digits and _ - . = +");
        UapiClient.Forget(client.Get());
        try
        {
            await Nft.CheckAsync(FilterRuleset.Probe);
        }
        catch (IOException failure)
        {
            throw new IOException(
                $"nftables with connection tracking is not to be had ({failure.Message}): the uapi backend does not run without a packet filter", failure);
        }

        _opened = true;
        await LoadFilterAsync(TunnelState.Empty);
    }

    /// <summary>Makes everything what the state says.</summary>
    /// <exception cref="IOException">The system or the device refused; what was set stays known.</exception>
    public async Task ApplyAsync(TunnelState state)
    {
        // The filter first: a peer must not receive a packet under the new routes and the old rules.
        await LoadFilterAsync(state);
        SetDevice(state);
        if (!configuration.ManageInterface)
            return;
        var index = Netlink.IndexOf(configuration.Interface);
        if (_interface?.Index != index)
        {
            // The device came back as another one: what was set on the old one went with it.
            if (_interface is not null)
                Restarts++;
            _interface = new InterfaceConfiguration(configuration.Interface);
            _interface.Adopt();
        }

        _interface.Apply(configuration.Mtu, state.Addresses, state.Routes);
    }

    /// <summary>Repairs what was changed behind our back, and moves on to other endpoints where the present ones are silent.</summary>
    /// <returns>What had to be repaired, for people; null: nothing. And when to look again.</returns>
    /// <exception cref="IOException">The device is gone, or something refused.</exception>
    public async Task<(string? Repaired, TimeSpan Next)> LookAsync(TunnelState state)
    {
        string? repaired = null;
        if (configuration.ManageInterface && _interface?.Index != Netlink.IndexOf(configuration.Interface))
        {
            await ApplyAsync(state);
            repaired = $"{configuration.Interface} is another one than before: it has been set up again";
        }
        else if (!await HasFilterAsync())
        {
            _filter = null;
            await LoadFilterAsync(state);
            repaired = $"the packet filter of {configuration.Interface} was gone: it has been loaded again";
        }

        SetDevice(state);
        return (repaired, _trials.Values.Any(trial => trial.IsWaiting) ? TrialInterval : Interval);
    }

    /// <summary>Takes back everything. What cannot be taken back because it is gone is no error.</summary>
    /// <returns>What went wrong, for people; null: nothing.</returns>
    public async Task<string?> CloseAsync()
    {
        if (!_opened)
            return null;
        List<string> problems = [];
        try
        {
            var device = client.Get();
            client.Set(DeviceDifference.Clear(device));
            UapiClient.Forget(device);
        }
        catch (IOException failure)
        {
            problems.Add(failure.Message);
        }

        try
        {
            _interface?.Revert();
        }
        catch (IOException failure)
        {
            problems.Add(failure.Message);
        }

        _interface = null;
        // The filter last: until here it holds.
        try
        {
            await Nft.LoadAsync(FilterRuleset.Remove(configuration.Interface));
            _filter = null;
        }
        catch (IOException failure)
        {
            problems.Add(failure.Message);
        }

        return problems.Count == 0 ? null : string.Join("; ", problems);
    }

    void SetDevice(TunnelState state)
    {
        var device = client.Get();
        try
        {
            var present = device.Peers.ToDictionary(peer => peer.Key);
            Dictionary<TunnelPublicKey, EndpointAddress> endpoints = [];
            Dictionary<TunnelPublicKey, EndpointTrial> trials = [];
            var (now, wallNow) = (clock.Now, clock.WallNow);
            foreach (var peer in state.Peers)
            {
                var (set, next) = EndpointTrial.Decide(
                    _trials.GetValueOrDefault(peer.Key), peer, present.GetValueOrDefault(peer.Key), now, wallNow);
                trials[peer.Key] = next;
                if (!set.IsNone)
                    endpoints.Add(peer.Key, set);
            }

            client.Set(DeviceDifference.Compute(device, state, endpoints));
            _trials = trials;
        }
        finally
        {
            UapiClient.Forget(device);
        }
    }

    async Task LoadFilterAsync(TunnelState state)
    {
        var filter = FilterRuleset.Compile(configuration.Interface, state);
        if (filter == _filter)
            return;
        await Nft.LoadAsync(filter);
        _filter = filter;
    }

    // Whether the table could be removed, which is not done.
    async Task<bool> HasFilterAsync()
    {
        try
        {
            await Nft.CheckAsync($"delete table inet {FilterRuleset.TableName(configuration.Interface)}\n");
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
