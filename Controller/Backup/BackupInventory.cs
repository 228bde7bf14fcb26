using Mesh.Actors.Enrollment;
using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Actors.Tokens;
using Mesh.Controller.Journal;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Backup;

/// <summary>
/// Is the network that a backup holds, and by its own rules what must be written behind it for the network to go on: the new epoch, the end
/// of every controller that was, and the end of every credential and token that might have been used or revoked since.
/// </summary>
sealed class BackupInventory
{
    const string NetworkEntity = "network";

    readonly Dictionary<string, long> _numbers = new(StringComparer.Ordinal);
    readonly SortedDictionary<string, (CredentialId Id, CredentialState State)> _open = new(StringComparer.Ordinal);
    readonly SortedDictionary<string, (TokenId Id, TokenState State)> _tokens = new(StringComparer.Ordinal);
    NetworkState _network = NetworkState.New;
    long _ordering;

    /// <summary>Gets the network at the end of the backup.</summary>
    public NetworkView View { get; private set; } = NetworkView.Empty;

    /// <summary>Gets how many credentials could still be used.</summary>
    public int OpenCredentials => _open.Count;

    /// <summary>Gets how many tokens of admins were not revoked.</summary>
    public int OpenTokens => _tokens.Count;

    /// <summary>Gets the highest epoch that anything in the backup speaks of.</summary>
    public int Epoch => View.Controllers.Values
        .Select(one => ProtocolJson.TryDecode(one.Delegation.Payload, ProtocolJson.Default.Delegation, out var delegation) ? delegation.Epoch : 0)
        .Append(View.Epoch)
        .Max();

    /// <summary>Takes the next row in, of a backup that was verified.</summary>
    public void Take(StoredRow stored, SerializerWithStringManifest serializer)
    {
        var (ordering, row) = stored;
        _ordering = ordering;
        _numbers[row.PersistenceId] = row.SequenceNr;
        if (row.IsDeleted)
            return;
        if (row.IsPruned)
        {
            View = View.Apply(ordering, new EventPruned(row.CommandId ?? "", default)).View;
            return;
        }
        var happened = (INetworkEvent)serializer.FromBinary(row.Message, row.Manifest);
        View = View.Apply(ordering, happened).View;
        if (row.PersistenceId == NetworkEntity)
            _network = _network.Apply(happened);
        else if (row.PersistenceId.StartsWith("credential-", StringComparison.Ordinal)
            && TypedId.TryParse<CredentialId>(row.PersistenceId["credential-".Length..], out var id))
        {
            var state = (_open.TryGetValue(row.PersistenceId, out var known) ? known.State : CredentialState.New).Apply(happened);
            if (state.Status == CredentialStatus.Created)
                _open[row.PersistenceId] = (id, state);
            else
                _open.Remove(row.PersistenceId);
        }
        else if (happened is TokenCreated created)
            _tokens[row.PersistenceId] = (created.Token, TokenState.New.Apply(created));
        else if (happened is TokenRevoked)
            _tokens.Remove(row.PersistenceId);
    }

    /// <summary>Decides what is written behind the backup.</summary>
    /// <param name="restore">The restoration.</param>
    /// <param name="now">The time.</param>
    /// <param name="entropy">Draws the ids of the commands.</param>
    /// <param name="serializer">Writes the events.</param>
    /// <exception cref="CommandException">The network's rules are against it.</exception>
    public IReadOnlyList<StoredRow> Decide(RestoreNetwork restore, WallTime now, IEntropy entropy, SerializerWithStringManifest serializer)
    {
        var rows = new List<StoredRow>();
        Write(NetworkEntity, _network.Decide(restore, now));
        foreach (var controller in View.Controllers.Values.Where(one => !one.Withdrawn).OrderBy(one => one.Id.ToString(), StringComparer.Ordinal))
            Write(NetworkEntity, _network.Decide(new WithdrawController(Cause.Of(restore.Cause.By, entropy), controller.Id), now));
        foreach (var (entity, (id, state)) in _open)
            Write(entity, state.Decide(new RevokeCredential(Cause.Of(restore.Cause.By, entropy), id), now));
        foreach (var (entity, (id, state)) in _tokens)
            Write(entity, state.Decide(new RevokeToken(Cause.Of(restore.Cause.By, entropy), id), now));
        return rows;

        void Write(string entity, Decision decision)
        {
            // A credential whose time was over anyway answers so, and writes that down.
            if (decision.Events.Count == 0 && decision.Reply is Refusal refusal)
                throw new CommandException(ExitCode.Refused, $"{refusal.Message}: nothing was changed");
            foreach (var happened in decision.Events)
            {
                var number = _numbers.GetValueOrDefault(entity) + 1;
                _numbers[entity] = number;
                rows.Add(new StoredRow(++_ordering, new JournalRow(
                    entity, number, now.ToDateTimeOffset().Ticks, serializer.ToBinary(happened), serializer.Identifier,
                    serializer.Manifest(happened), restore.Cause.CommandId, happened.CommandId)));
                if (entity == NetworkEntity)
                    _network = _network.Apply(happened);
            }
        }
    }
}
