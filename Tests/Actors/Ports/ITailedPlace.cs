using Mesh.Actors.Ports;

namespace Mesh.Tests.Actors.Ports;

/// <summary>A place for a journal that several programs may have open; it is removed on dispose.</summary>
public interface ITailedPlace : IDisposable
{
    ITailedJournal Open();
}

/// <summary>A journal that is open, as <see cref="JournalTailSpec"/> fills and follows it.</summary>
public interface ITailedJournal : IDisposable
{
    IJournalTail Tail { get; }

    /// <summary>Appends rows of one entity, all of them at once.</summary>
    Task AppendAsync(params TailedRow[] rows);

    /// <summary>Deletes the events of an entity up to a number.</summary>
    Task DeleteToAsync(string id, long number);

    /// <summary>What the tail is to say of a row beside what the row says.</summary>
    (long CreatedMs, string Manifest, byte[] Payload) Expected(TailedRow row);
}

/// <summary>What is appended: an event, or a number that is taken without one.</summary>
public sealed record TailedRow(string Id, long Number, string? Command = null, bool IsSpent = false);
