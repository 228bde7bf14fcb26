using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Backup;

/// <summary>
/// Is a backup whose every byte was verified: lines of JSON, each with a line feed, namely a <see cref="BackupHead"/>, the journal as
/// <see cref="JournalArchive"/> writes it, and a <see cref="DsseEnvelope"/> over a <see cref="BackupStatement"/> with the digest of all
/// before, signed by the controller that took it. That controller's key is vouched for by the root's delegation in the head, and the root's
/// key must be the one that the network in the journal was made with.
/// </summary>
sealed class BackupFile
{
    /// <summary>What the first line says that it is.</summary>
    public const string Format = "mesh-backup";

    /// <summary>The version that this program writes and reads.</summary>
    public const int Version = 1;

    /// <summary>The payload type of the last line.</summary>
    public const string PayloadType = "application/vnd.mesh.backup.v1+json";

    readonly string _path;
    readonly string _name;

    BackupFile(string path, string name, BackupHead head, BackupStatement statement, Digest256 digest) =>
        (_path, _name, RootKey, Statement, Digest) = (path, name, head.RootKey, statement, digest);

    /// <summary>Gets the network root's public key.</summary>
    public SigningPublicKey RootKey { get; }

    /// <summary>Gets what was signed.</summary>
    public BackupStatement Statement { get; }

    /// <summary>Gets the SHA-256 digest of the whole file.</summary>
    public Digest256 Digest { get; }

    /// <summary>Gets what is in it.</summary>
    public BackupInventory Inventory { get; } = new();

    /// <summary>Reads and verifies a backup.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="CommandException">It cannot be read, is none, or was changed; the message names the line and what is wrong.</exception>
    public static BackupFile Open(string path, string name)
    {
        var serializer = new JsonEventSerializer(NetworkEvents.Manifests);
        BackupFile backup;
        using (var lines = OpenLines(path, name))
        {
            // The sums and the signature come last; nothing that is read before them is believed until then.
            var (head, delegation) = ReadHead(lines);
            var rows = Explained(lines, () => JournalCheck.Run(Read(lines, name), serializer));
            var statement = ReadEnd(lines, delegation);
            if (rows.Problems is [var problem, ..])
                throw Wrong(name, problem);
            if ((statement.Rows, statement.Revision) != (rows.Rows, rows.Ordering))
                throw Wrong(name, $"it tells of {statement.Rows} rows up to revision {statement.Revision} and has {rows.Rows} up to {rows.Ordering}");
            backup = new BackupFile(path, name, head, statement, lines.Whole());
        }

        foreach (var row in backup.Rows())
            backup.Inventory.Take(row, serializer);
        if (backup.Inventory.View.Network is not { } network)
            throw Wrong(name, "its journal holds no network");
        if (network.RootKey != backup.RootKey || network.Id != backup.Statement.Network)
            throw Wrong(name, $"its journal is of network {network.Id}, its signature of {backup.Statement.Network}");
        return backup;
    }

    /// <summary>Reads the rows again. The last is given only where the file is what was verified.</summary>
    public IEnumerable<StoredRow> Rows()
    {
        using var lines = OpenLines(_path, _name);
        var (_, delegation) = ReadHead(lines);
        StoredRow? before = null;
        foreach (var row in Read(lines, _name))
        {
            if (before is { } earlier)
                yield return earlier;
            before = row;
        }
        ReadEnd(lines, delegation);
        if (lines.Whole() != Digest)
            throw Wrong(_name, "it was changed while it was read");
        if (before is { } last)
            yield return last;
    }

    static IEnumerable<StoredRow> Read(BackupLines lines, string name) => JournalArchive.Read(lines, name, firstLine: 2);

    static (BackupHead Head, Delegation Delegation) ReadHead(BackupLines lines)
    {
        if (Parse(lines, lines.Next(), BackupJson.Default.BackupHead) is not { Format: Format } head)
            throw lines.Wrong(1, "it is no backup");
        if (head.Version != Version)
            throw lines.Wrong(1, $"it has version {head.Version}, this program knows {Version}");
        if (!head.Delegation.Verify(PayloadTypes.Delegation, head.RootKey)
            || !ProtocolJson.TryDecode(head.Delegation.Payload, ProtocolJson.Default.Delegation, out var delegation))
            throw lines.Wrong(1, "the delegation of the controller that took it is not signed by the network root");
        return (head, delegation);
    }

    static BackupStatement ReadEnd(BackupLines lines, Delegation delegation)
    {
        var content = lines.Content();
        var line = lines.Next(isContent: false) ?? throw lines.Wrong(lines.Number + 1, "it is cut: its signature is missing");
        var number = lines.Number;
        // Nothing of the last line may be other than it was written, not even what a signature leaves open.
        if (!ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(line), ProtocolJson.Default.DsseEnvelope, out var envelope)
            || !envelope.Verify(PayloadType, delegation.SigningKey)
            || envelope.Signatures is not [{ KeyId: var signer }] || signer != delegation.Controller.ToString()
            || Encoding.UTF8.GetString(ProtocolJson.Encode(envelope, ProtocolJson.Default.DsseEnvelope)) != line)
            throw lines.Wrong(number, "it is not signed by the controller that took it, or was changed");
        var statement = Parse(lines, Encoding.UTF8.GetString(envelope.Payload), BackupJson.Default.BackupStatement);
        if (statement.Content != content)
            throw lines.Wrong(number, "what stands before was changed: its sum does not fit");
        if ((statement.Network, statement.Controller, statement.Epoch) != (delegation.Network, delegation.Controller, delegation.Epoch)
            || statement.TakenAt < delegation.NotBefore || statement.TakenAt > delegation.NotAfter)
            throw lines.Wrong(number, "the controller that took it was not allowed to speak for the network then");
        if (lines.Next(isContent: false) is not null)
            throw lines.Wrong(number + 1, "nothing may follow the signature");
        return statement;
    }

    static T Parse<T>(BackupLines lines, string? text, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return text is null ? throw lines.Wrong(1, "it is empty") : JsonSerializer.Deserialize(text, type) ?? throw lines.Wrong(lines.Number, "null is no line of a backup");
        }
        catch (JsonException e)
        {
            throw lines.Wrong(Math.Max(1, lines.Number), "it is not what such a line must be", e);
        }
    }

    static T Explained<T>(BackupLines lines, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (JournalArchiveException e)
        {
            throw new CommandException(e.ExitCode, $"{e.Message}: nothing was changed", e);
        }
        catch (IOException e)
        {
            throw lines.Wrong(lines.Number + 1, e.Message.TrimEnd('.'), e);
        }
    }

    static BackupLines OpenLines(string path, string name)
    {
        try
        {
            return new BackupLines(File.OpenRead(path), name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.BadInput, $"cannot read {name}: {e.Message.TrimEnd('.')}", e);
        }
    }

    static CommandException Wrong(string name, string what) => new(ExitCode.BadInput, $"{name}: {what}: nothing was changed");
}
