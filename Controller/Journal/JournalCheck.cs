using System.Globalization;
using Mesh.Protocol.Identity;

namespace Mesh.Controller.Journal;

/// <summary>What a look at every row of a journal found.</summary>
/// <param name="Rows">How many rows there are.</param>
/// <param name="Events">How many of them are events that were not deleted.</param>
/// <param name="Entities">Of how many entities.</param>
/// <param name="Ordering">The highest ordering.</param>
/// <param name="Problems">What is wrong, one line each; <see cref="JournalCheck.MostProblems"/> at most.</param>
internal sealed record JournalCheckResult(long Rows, long Events, int Entities, long Ordering, IReadOnlyList<string> Problems);

/// <summary>Looks at every row: numbers of an entity follow each other, and this program can read every event.</summary>
internal static class JournalCheck
{
    /// <summary>What is looked for no further.</summary>
    public const int MostProblems = 20;

    /// <summary>Looks. Throws what the database throws.</summary>
    public static JournalCheckResult Run(IEnumerable<StoredRow> rows, SerializerWithStringManifest serializer, Action<long>? progress = null)
    {
        var numbers = new Dictionary<string, long>(StringComparer.Ordinal);
        var problems = new List<string>();
        var (count, events, highest) = (0L, 0L, 0L);
        foreach (var (ordering, row) in rows)
        {
            count++;
            progress?.Invoke(count);
            highest = ordering;
            // Deleted rows are thrown away but for the newest, so that an entity may begin behind 1.
            var known = numbers.TryGetValue(row.PersistenceId, out var before);
            if (known ? row.SequenceNr != before + 1 : row.SequenceNr != 1 && !row.IsDeleted)
                Report(row, known ? $"follows {before.ToString(CultureInfo.InvariantCulture)}" : "is the first of its entity");
            numbers[row.PersistenceId] = row.SequenceNr;
            if (row.IsDeleted)
                continue;
            events++;
            if (row.IsPruned)
            {
                if (row.Message.Length != Octets32.Size)
                    Report(row, "was pruned, and not even its hash is left");
            }
            else if (row.Identifier != serializer.Identifier)
                Report(row, $"was written by an unknown serializer ({row.Identifier.ToString(CultureInfo.InvariantCulture)})");
            else if (Unreadable(row) is { } reason)
                Report(row, reason);
        }

        return new JournalCheckResult(count, events, numbers.Count, highest, problems);

        string? Unreadable(JournalRow row)
        {
            try
            {
                serializer.FromBinary(row.Message, row.Manifest);
                return null;
            }
#pragma warning disable CA1031 // Whatever a decoder throws at a damaged row, it is what is wrong with it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                return $"cannot be read: {e.Message.ReplaceLineEndings(" ")}";
            }
        }

        void Report(JournalRow row, string what)
        {
            if (problems.Count < MostProblems)
                problems.Add(string.Create(CultureInfo.InvariantCulture, $"event {row.SequenceNr} of {row.PersistenceId} {what}"));
        }
    }
}
