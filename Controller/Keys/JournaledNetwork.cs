using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Controller.Journal;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Keys;

/// <summary>Reads from a journal what a machine must know to become another controller of its network.</summary>
static class JournaledNetwork
{
    /// <summary>Reads the events of the network itself; they are few, however large the network is.</summary>
    /// <exception cref="CommandException">There is no network in it.</exception>
    public static async Task<JoinedNetwork> ReadAsync(JournalDatabase journal)
    {
        var view = NetworkView.Empty;
        await journal.ReplayAsync("network", 0, long.MaxValue, long.MaxValue, row =>
        {
            if (NetworkEvents.Manifests.Decode(row.Message, row.Manifest) is INetworkEvent happened)
                view = view.Apply(row.SequenceNr, happened).View;
        });
        if (view.Network is not { } network)
            throw new CommandException(
                ExitCode.BadConfiguration,
                $"{journal.Place} holds no network yet: start its first controller with 'mesh-controller serve --database URI'");
        // A controller is delegated for the newest epoch, whoever was first in it.
        var epochs = view.Controllers.Values.Select(one =>
            one.Delegation.Verify(PayloadTypes.Delegation, network.RootKey)
            && ProtocolJson.TryDecode(one.Delegation.Payload, ProtocolJson.Default.Delegation, out var delegation)
                ? delegation.Epoch
                : 1);
        return new JoinedNetwork(
            network.Id, network.RootKey, epochs.DefaultIfEmpty(1).Max(),
            view.Controllers.Values.Where(one => one.Withdrawn).Select(one => one.Id).ToHashSet());
    }
}
