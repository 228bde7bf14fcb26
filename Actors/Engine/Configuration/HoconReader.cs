using System.Globalization;
using System.Text;

namespace Mesh.Actors.Engine.Configuration;

/// <summary>
/// Reads HOCON text into syntax (HOCON specification, "Syntax"): comments, nested objects, dotted keys, <c>=</c>, <c>:</c> and
/// <c>+=</c>, lists, quoted, triple-quoted and unquoted strings, substitutions. <c>include</c> is refused.
/// </summary>
internal sealed class HoconReader(string text)
{
    /// <summary>Deeper nesting than any hand-written file has; keeps hostile input from exhausting the stack.</summary>
    private const int MaximumDepth = 64;

    private const string ReservedInUnquoted = "$\"{}[]:=,+#`^?!@*&\\";

    private int _at;
    private int _line = 1;
    private int _lineStart;
    private int _depth;

    private ConfigPosition Here => new(_line, _at - _lineStart + 1);

    private bool AtEnd => _at >= text.Length;

    private char Current => text[_at];

    /// <summary>Reads the whole text; the outermost braces may be left out.</summary>
    public HoconObject ReadDocument()
    {
        if (text.StartsWith('\uFEFF'))
            _at = _lineStart = 1;
        SkipBlank();
        HoconObject root;
        if (!AtEnd && Current == '{')
        {
            root = ReadBracedObject();
            SkipBlank();
        }
        else
        {
            root = new HoconObject(Here);
            ReadMembers(root, closing: null);
        }

        if (!AtEnd)
            throw Wrong($"unexpected '{Current}' after the end of the configuration");
        return root;
    }

    private HoconObject ReadBracedObject()
    {
        var opened = Here;
        Enter();
        Advance();
        var result = new HoconObject(opened);
        ReadMembers(result, opened);
        _depth--;
        return result;
    }

    private void ReadMembers(HoconObject target, ConfigPosition? closing)
    {
        while (true)
        {
            SkipBlank();
            if (AtEnd)
            {
                if (closing is { } opened)
                    throw ConfigurationException.At(opened, "this '{' is never closed");
                return;
            }

            if (Current == '}')
            {
                if (closing is null)
                    throw Wrong("this '}' closes nothing");
                Advance();
                return;
            }

            ReadMember(target);
            ExpectSeparator('}');
        }
    }

    private void ReadMember(HoconObject target)
    {
        var keyPosition = Here;
        var path = ReadKey();
        SkipSpaces();
        var append = false;
        if (!AtEnd && Current is '=' or ':')
            Advance();
        else if (Looking("+="))
        {
            append = true;
            Advance(2);
        }
        else if (AtEnd || Current != '{')
        {
            if (path is ["include"])
                throw ConfigurationException.At(keyPosition, "include is not supported: write the settings into this file");
            throw Wrong($"expected '=', ':' or '{{' after the key `{ConfigPath.Join(path)}`");
        }

        SkipBlank();
        var value = ReadValue($"a value for `{ConfigPath.Join(path)}`");
        var owner = target;
        for (var i = 0; i < path.Count - 1; i++)
        {
            var nested = new HoconObject(keyPosition);
            owner = Assign(owner.Field(path[i]), new HoconAssignment(nested, Append: false)) as HoconObject ?? nested;
        }

        Assign(owner.Field(path[^1]), new HoconAssignment(value, append));
    }

    /// <summary>Adds a value to a field. Two literal objects in a row become one, and the one that now holds the members is returned.</summary>
    private static HoconSyntax Assign(HoconField field, HoconAssignment assignment)
    {
        if (!assignment.Append && assignment.Value is HoconObject addition
            && field.Assignments is [.., { Append: false, Value: HoconObject existing }])
        {
            foreach (var key in addition.Order)
            {
                foreach (var each in addition.Fields[key].Assignments)
                    Assign(existing.Field(key), each);
            }

            return existing;
        }

        field.Assignments.Add(assignment);
        return assignment.Value;
    }

    private List<string> ReadKey()
    {
        var path = new List<string>();
        while (true)
        {
            if (AtEnd)
                throw Wrong("expected a key");
            if (Current == '"')
                path.Add(ReadQuoted());
            else
            {
                var start = _at;
                while (!AtEnd && Current != '.' && !char.IsWhiteSpace(Current) && !ReservedInUnquoted.Contains(Current) && !Looking("//"))
                    Advance();
                if (_at == start)
                    throw Wrong(Current == '.' ? "a key may not have an empty part between dots" : $"expected a key, found '{Current}'");
                path.Add(text[start.._at]);
            }

            if (AtEnd || Current != '.')
                return path;
            Advance();
        }
    }

    private HoconSyntax ReadValue(string expected)
    {
        var position = Here;
        var pieces = new List<HoconSyntax>();
        while (!AtEnd && Current is not ('\n' or ',' or '}' or ']' or '#') && !Looking("//"))
        {
            if (char.IsWhiteSpace(Current))
            {
                var start = _at;
                var spacePosition = Here;
                SkipSpaces();
                if (pieces.Count > 0)
                    pieces.Add(new HoconText(spacePosition, text[start.._at], quoted: false, isSpace: true));
                continue;
            }

            pieces.Add(ReadPiece());
        }

        while (pieces is [.., HoconText { IsSpace: true }])
            pieces.RemoveAt(pieces.Count - 1);
        return pieces.Count switch
        {
            0 => throw ConfigurationException.At(position, $"expected {expected}"),
            1 => pieces[0],
            _ => new HoconConcatenation(position, pieces),
        };
    }

    private HoconSyntax ReadPiece()
    {
        var position = Here;
        switch (Current)
        {
            case '{':
                return ReadBracedObject();
            case '[':
                return ReadArray();
            case '"':
                return new HoconText(position, ReadQuoted(), quoted: true);
            case '$' when Looking("${"):
                return ReadSubstitution();
        }

        var start = _at;
        while (!AtEnd && !char.IsWhiteSpace(Current) && !Looking("//"))
        {
            if (ReservedInUnquoted.Contains(Current))
                break;
            Advance();
        }

        if (_at == start || (!AtEnd && "$:=+`^?!@*&\\".Contains(Current) && !Looking("${")))
            throw Wrong($"'{Current}' must stand inside quotes");
        return new HoconText(position, text[start.._at], quoted: false);
    }

    private HoconArray ReadArray()
    {
        var opened = Here;
        Enter();
        Advance();
        var result = new HoconArray(opened);
        while (true)
        {
            SkipBlank();
            if (AtEnd)
                throw ConfigurationException.At(opened, "this '[' is never closed");
            if (Current == ']')
            {
                Advance();
                _depth--;
                return result;
            }

            result.Items.Add(ReadValue("a list element"));
            ExpectSeparator(']');
        }
    }

    private HoconSubstitution ReadSubstitution()
    {
        var position = Here;
        Advance(2);
        var optional = !AtEnd && Current == '?';
        if (optional)
            Advance();
        SkipSpaces();
        var path = ReadKey();
        SkipSpaces();
        if (AtEnd || Current != '}')
            throw ConfigurationException.At(position, "this '${' is never closed by '}'");
        Advance();
        return new HoconSubstitution(position, path, optional);
    }

    private string ReadQuoted()
    {
        var opened = Here;
        if (Looking("\"\"\""))
            return ReadTripleQuoted(opened);
        Advance();
        var result = new StringBuilder();
        while (true)
        {
            if (AtEnd || Current == '\n')
                throw ConfigurationException.At(opened, "this string is never closed");
            if (Current == '"')
            {
                Advance();
                return result.ToString();
            }

            if (Current != '\\')
            {
                result.Append(Current);
                Advance();
                continue;
            }

            result.Append(ReadEscape());
        }
    }

    private string ReadTripleQuoted(ConfigPosition opened)
    {
        Advance(3);
        var start = _at;
        while (!Looking("\"\"\""))
        {
            if (AtEnd)
                throw ConfigurationException.At(opened, "this string is never closed");
            Advance();
        }

        // Quotes beyond three at the end belong to the string.
        while (_at + 3 < text.Length && text[_at + 3] == '"')
            Advance();
        var result = text[start.._at];
        Advance(3);
        return result;
    }

    private char ReadEscape()
    {
        var position = Here;
        Advance();
        if (AtEnd)
            throw ConfigurationException.At(position, "a lone '\\' ends the text");
        var escape = Current;
        Advance();
        if (escape == 'u')
        {
            if (_at + 4 > text.Length
                || !ushort.TryParse(text.AsSpan(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
            {
                throw ConfigurationException.At(position, "'\\u' needs four hexadecimal digits");
            }

            Advance(4);
            return (char)unit;
        }

        return escape switch
        {
            '"' or '\\' or '/' => escape,
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => throw ConfigurationException.At(position, $"'\\{escape}' is not an escape; write '\\\\' for a backslash"),
        };
    }

    /// <summary>Members and elements are parted by one comma or by a line break.</summary>
    private void ExpectSeparator(char closing)
    {
        var line = _line;
        SkipBlank();
        if (AtEnd || Current == closing)
            return;
        if (Current == ',')
        {
            Advance();
            return;
        }

        if (_line == line)
            throw Wrong($"expected ',', a new line or '{closing}', found '{Current}'");
    }

    private void SkipSpaces()
    {
        while (!AtEnd && Current != '\n' && char.IsWhiteSpace(Current))
            Advance();
    }

    private void SkipBlank()
    {
        while (!AtEnd)
        {
            if (Current == '#' || Looking("//"))
            {
                while (!AtEnd && Current != '\n')
                    Advance();
            }
            else if (char.IsWhiteSpace(Current))
                Advance();
            else
                return;
        }
    }

    private bool Looking(string expected) => string.CompareOrdinal(text, _at, expected, 0, expected.Length) == 0;

    private void Advance(int count = 1)
    {
        for (; count > 0; count--)
        {
            if (text[_at++] == '\n')
            {
                _line++;
                _lineStart = _at;
            }
        }
    }

    private void Enter()
    {
        if (++_depth > MaximumDepth)
            throw Wrong($"more than {MaximumDepth} levels of braces and brackets");
    }

    private ConfigurationException Wrong(string problem) => ConfigurationException.At(Here, problem);
}
