using System.Globalization;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Registry;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Backup;

/// <summary>Says where and how a backup is restored.</summary>
/// <param name="StateDirectory">Where the keys of the new controller, and without a database the journal, are made.</param>
/// <param name="Database">The PostgreSQL database of the journal.</param>
/// <param name="Epoch">The new epoch; null: the one after the highest in the backup.</param>
/// <param name="By">Who restores.</param>
sealed record RestoreRequest(string StateDirectory, PostgresPlace? Database, int? Epoch, string By);

/// <summary>Says what a restoration did.</summary>
/// <param name="Epoch">The new epoch.</param>
/// <param name="Controller">The new controller.</param>
/// <param name="Journal">Where the journal is.</param>
sealed record Restored(int Epoch, ControllerId Controller, string Journal);

/// <summary>
/// Makes a controller from a backup on a machine that has none: the journal goes on behind the backup under a new epoch, which the network
/// root opens by delegating new keys. The old controllers' keys are gone, or in somebody's hands: all of them are withdrawn. It happens whole or
/// not at all: what was made is taken away again where anything fails.
/// </summary>
static class Restoration
{
    /// <summary>Restores.</summary>
    /// <exception cref="CommandException">It cannot be; nothing was changed.</exception>
    /// <exception cref="JournalException">The database is against it; nothing was changed.</exception>
    public static async Task<Restored> RunAsync(BackupFile backup, SigningPrivateKey root, RestoreRequest request, WallTime now, IEntropy entropy)
    {
        if (Ed25519.ComputePublicKey(root) != backup.RootKey)
            throw new CommandException(ExitCode.Refused, $"the root key is not that of network {backup.Statement.Network}: nothing was changed");
        var highest = Math.Max(backup.Inventory.Epoch, backup.Statement.Epoch);
        var epoch = request.Epoch ?? highest + 1;
        if (epoch <= highest)
            throw new CommandException(
                ExitCode.Refused, string.Create(CultureInfo.InvariantCulture, $"epoch {epoch} is not new: the backup knows epoch {highest}: nothing was changed"));

        var madeDirectory = !Directory.Exists(request.StateDirectory);
        using var state = StateDirectory.Open(request.StateDirectory);
        foreach (var path in (string[])[state.IdentityPath, state.SigningKeyPath, state.AuthorityKeyPath, state.JournalPath])
        {
            if (File.Exists(path))
                throw new CommandException(
                    ExitCode.Refused, $"{path} exists: a backup is restored into an empty state directory; nothing was changed");
        }

        try
        {
            using JournalDatabase journal = request.Database is { } place ? PostgresJournal.Open(place) : SqliteJournal.Open(state.JournalPath);
            using var keys = ControllerKeys.Prepare(state, backup.Statement.Network, epoch, root, now, entropy);
            var restore = new RestoreNetwork(
                Cause.Of(request.By, entropy), epoch, keys.Controller, backup.Digest, backup.Statement.Revision, backup.Statement.TakenAt,
                backup.Statement.Controller);
            var behind = backup.Inventory.Decide(restore, now, entropy, new JsonEventSerializer(NetworkEvents.Manifests));
            await journal.ImportAsync(backup.Rows().Concat(behind));
            // Last, and nothing but a rename: what the journal holds has its keys.
            ControllerKeys.Complete(state);
            return new Restored(epoch, keys.Controller, journal.Place);
        }
        catch
        {
            TakeAway(state, madeDirectory);
            throw;
        }
    }

    static void TakeAway(StateDirectory state, bool directory)
    {
        foreach (var path in (string[])
            [state.SigningKeyPath, state.AuthorityKeyPath, state.PreparedIdentityPath, state.JournalPath, state.JournalPath + "-wal", state.JournalPath + "-shm"])
            File.Delete(path);
        if (directory)
            Directory.Delete(state.Path, recursive: true);
    }
}
